// The same request for a terminal, for Python and for JavaScript.

import { usesKey } from "./api.js";
import { chosen } from "./settings.js";
import { copies } from "./text.js";

const find = (id) => document.getElementById(id);
const [tabs, copyCode, ...shown] = ["tabs", "copy-code", "curl", "python", "javascript"].map(find);
const buttons = [...tabs.querySelectorAll("button")];

export function watchSnippets() {
  buttons.forEach((button, i) => button.addEventListener("click", () => select(i)));
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const i = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
    select(i);
    buttons[i].focus();
  });
  copies(copyCode, () => shown.find((pre) => !pre.hidden).textContent);
  select(0);
}

function select(i) {
  buttons.forEach((button, j) => {
    button.ariaSelected = String(i === j);
    button.tabIndex = i === j ? 0 : -1;
    shown[j].hidden = i !== j;
  });
}

export function renderSnippets() {
  const url = `${location.origin}/caption`;
  const options = Object.entries(chosen());
  [curl, python, javascript].forEach((write, i) => (shown[i].textContent = write(url, options)));
}

function curl(url, options) {
  return [
    "curl -F image=@photo.jpg",
    ...options.map(([name, value]) => `-F ${name}=${value}`),
    ...(usesKey() ? ['-H "X-API-Key: $CAPTION_API_KEY"'] : []),
    url,
  ].join(" \\\n  ");
}

function python(url, options) {
  const data = options.map(([name, value]) => `"${name}": "${value}"`).join(", ");
  return `${usesKey() ? "import os\n\n" : ""}import httpx

with open("photo.jpg", "rb") as photo:
    answer = httpx.post(
        "${url}",
        files={"image": photo},
${options.length ? `        data={${data}},\n` : ""}${
    usesKey() ? '        headers={"X-API-Key": os.environ["CAPTION_API_KEY"]},\n' : ""
  }    )
answer.raise_for_status()
print(answer.json()["caption"])`;
}

function javascript(url, options) {
  const fields = options.map(([name, value]) => `form.append("${name}", "${value}");\n`).join("");
  return `const form = new FormData();
form.append("image", file); // a File or Blob
${fields}const answer = await fetch("${url}", {
  method: "POST",
  body: form,${usesKey() ? '\n  headers: { "X-API-Key": key },' : ""}
});
const { caption, detail } = await answer.json();
console.log(answer.ok ? caption : detail);`;
}
