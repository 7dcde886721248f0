// The captions that the model considered, one of which is used.

import { percent } from "./text.js";

// A list item for each beam. `use` is called with the number of the one that is chosen.
export function listed(beams, used, use) {
  return beams.map((beam, i) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.className = "beam";
    button.ariaPressed = String(i === used);
    button.append(part("text", beam.text), part("share", percent(share(beam, beams))), part("use", ""));
    button.addEventListener("click", () => use(i));
    item.append(button);
    return item;
  });
}

// The beam's confidence, or where the model tells none how its score compares with the best.
function share(beam, beams) {
  return beam.confidence ?? Math.min(1, Math.exp(beam.score - beams[0].score));
}

export const shareMeans = (beams) =>
  beams[0].confidence === undefined ? "compared with the first" : "confidence";

function part(name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text;
  return span;
}
