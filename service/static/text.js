// Small things about text.

export const percent = (share) => `${Math.round(100 * share)}%`;

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + ".";

export const asAlt = (text) =>
  `alt="${text.replaceAll("&", "&amp;").replaceAll('"', "&quot;")}"`;

// Onto the clipboard, which only pages from this machine or by HTTPS may use directly.
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
