// The ways in which photos come to the page: chosen, taken, dropped, pasted, or one of the samples.

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
  samples.addEventListener("click", async ({ target }) => {
    const image = target.closest("button")?.querySelector("img");
    if (image) add([await fetched(image)]);
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

async function fetched(image) {
  const name = image.src.split("/").pop();
  const blob = await (await fetch(image.src)).blob();
  return new File([blob], name, { type: blob.type });
}
