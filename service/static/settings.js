// The options of the search. Nothing is sent until the model has told its own choice and limits.

import { model } from "./api.js";
import { explained } from "./problems.js";

const PAUSE_MILLISECONDS = 400; // after the last change of an option

const form = document.getElementById("search");
const sliders = [...form.querySelectorAll("input[type=range]")];
const people = form.elements.people;
let loaded = false;

// Only what differs from the model's own choice.
export function chosen() {
  if (!loaded) return {};
  const changed = sliders.filter((input) => input.value !== input.defaultValue);
  const options = changed.map((input) => [input.name, input.value]);
  if (people.value !== people.dataset.default) options.push(["people", people.value]);
  return Object.fromEntries(options);
}

// `changed` is called when other options are chosen, `rendered` whenever they are shown,
// `onProblem` with why there is no model yet, and with "" once there is one.
export async function watchSettings({ changed, rendered, onProblem }) {
  let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(changed, PAUSE_MILLISECONDS);
  };
  const render = () => {
    for (const input of sliders) {
      input.closest("label").querySelector("output").value = loaded ? input.value : "";
    }
    rendered();
  };
  form.addEventListener("input", render);
  form.addEventListener("change", later);
  form.addEventListener("reset", () =>
    setTimeout(() => {
      people.value = people.dataset.default;
      render();
      later();
    }),
  );
  render();
  let told = false;
  const manifest = await model((problem) => {
    told = true;
    onProblem(explained(problem));
  });
  load(manifest);
  if (told) onProblem("");
  render();
}

function load({ search, limits }) {
  for (const input of sliders) {
    [input.min, input.max] = limits[input.name];
    input.defaultValue = search[input.name];
    input.disabled = false;
  }
  form.querySelector("button").disabled = false;
  people.closest("label").hidden = !search.people;
  people.disabled = !search.people;
  people.value = people.dataset.default = search.people ?? people.value;
  loaded = true;
}
