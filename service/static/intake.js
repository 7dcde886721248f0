// The ways in which photos come to the page: chosen, taken, dropped, pasted, or one of the samples.

import { explained } from "./problems.js";

const find = (id) => document.getElementById(id);
const [file, camera, samples, notice] = ["file", "camera", "samples", "notice"].map(find);

export function tell(text) {
  notice.hidden = !text;
  notice.querySelector("span").textContent = text;
}

// Call `add` with the files that come.
export function watchIntake(add) {
  for (const input of [file, camera]) {
    input.addEventListener("change", () => {
      add([...input.files]);
      input.value = ""; // so that the same file can be chosen again
    });
  }
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    const files = dropped(event.dataTransfer);
    if (files.length) add(files);
  });
  addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) add([...event.clipboardData.files]);
  });
  samples.addEventListener("click", ({ target }) => {
    const image = target.closest("button")?.querySelector("img");
    const lost = () => tell(explained({ code: "unreachable" }));
    if (image) fetched(image).then((sample) => add([sample]), lost);
  });
  notice.querySelector("button").addEventListener("click", () => tell(""));
}

// The files that were dropped; of anything else the page says what to do.
function dropped(data) {
  const items = [...data.items].filter((item) => item.kind === "file");
  const folders = items.filter((item) => item.webkitGetAsEntry?.()?.isDirectory);
  const files = items.filter((item) => !folders.includes(item)).map((item) => item.getAsFile());
  if (folders.length) tell("Folders cannot be dropped here. Open the folder, select its photos and drop those.");
  else if (!files.length) tell("That is a link or text. Save the image first, then drop the file or copy and paste the image itself.");
  else tell("");
  return files;
}

async function fetched({ src }) {
  const response = await fetch(src);
  if (!response.ok) throw response;
  const blob = await response.blob();
  return new File([blob], src.split("/").pop(), { type: blob.type });
}
