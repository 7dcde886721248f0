// Small things about text.

export const percent = (share) => `${Math.round(100 * share)}%`;

export const sentence = (text) => `${asAlt(text)}.`;

// As a field for alternative text wants it.
export const asAlt = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

// To the clipboard, which a page may use directly only from this machine or over HTTPS.
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

// Have a button copy what `text` returns, and say for a moment that it did.
export function copies(button, text) {
  const label = button.textContent;
  let timer;
  button.addEventListener("click", async () => {
    await copy(text());
    button.textContent = "Copied";
    clearTimeout(timer);
    timer = setTimeout(() => (button.textContent = label), 1500);
  });
}
