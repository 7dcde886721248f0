// The search options, and the same request for a terminal and a program.

import { model, usesKey } from "./api.js";

const form = document.getElementById("search");
const inputs = [...form.querySelectorAll("input")];
const [curl, python] = ["curl", "python"].map((id) => document.getElementById(id));

// Only what differs from the model's own choice.
export function chosen() {
  const changed = inputs.filter((input) => input.value !== input.defaultValue);
  return Object.fromEntries(changed.map((input) => [input.name, input.value]));
}

export async function watchOptions(changed) {
  render();
  form.addEventListener("input", render);
  form.addEventListener("change", changed);
  form.addEventListener("reset", () => setTimeout(() => (render(), changed())));
  const { search, limits } = await model();
  for (const input of inputs) {
    [input.min, input.max] = limits[input.name];
    input.defaultValue = search[input.name];
    input.disabled = false;
  }
  render();
}

export function render() {
  for (const input of inputs) input.parentElement.querySelector("output").value = input.value;
  const url = `${location.origin}/caption`;
  const fields = Object.entries(chosen());
  curl.textContent = [
    "curl -F image=@photo.jpg",
    ...fields.map(([name, value]) => `-F ${name}=${value}`),
    ...(usesKey() ? ['-H "X-API-Key: $CAPTION_API_KEY"'] : []),
    url,
  ].join(" \\\n  ");
  const data = fields.map(([name, value]) => `"${name}": ${value}`).join(", ");
  python.textContent = `${usesKey() ? "import os\n\n" : ""}import httpx

with open("photo.jpg", "rb") as photo:
    answer = httpx.post(
        "${url}",
        files={"image": photo},
${fields.length ? `        data={${data}},\n` : ""}${
    usesKey() ? '        headers={"X-API-Key": os.environ["CAPTION_API_KEY"]},\n' : ""
  }    )
answer.raise_for_status()
print(answer.json()["caption"])`;
}
