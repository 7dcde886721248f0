// Photos as small as the model can use: uploads are short and meet no limit of the server.

const SIDE = 1024; // pixels; the model reads 224
const THUMBNAIL_SIDE = 320;
const SENT_AS_IS = ["image/jpeg", "image/png", "image/webp"];
const BYTES_AS_IS = 1_500_000;

// What to send of a file, with its size in pixels. What this browser cannot decode is sent as it
// is: the server may know the format, or say what is wrong with it.
export async function prepare(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return { blob: file };
  }
  const { width, height } = bitmap;
  const fits = Math.max(width, height) <= SIDE && file.size <= BYTES_AS_IS;
  const blob = fits && SENT_AS_IS.includes(file.type) ? file : await drawn(bitmap, SIDE, 0.9);
  bitmap.close();
  return { blob, width, height };
}

// A small JPEG of a photo as a data URL.
export async function thumbnail(blob) {
  const bitmap = await createImageBitmap(blob);
  const small = await drawn(bitmap, THUMBNAIL_SIDE, 0.7);
  bitmap.close();
  const reader = new FileReader();
  return new Promise((done) => {
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(small);
  });
}

// A data URL as a blob; the page's policy allows images from blobs only.
export function fromDataUrl(url) {
  const [kind, text] = url.split(",");
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: kind.slice("data:".length).split(";")[0] });
}

// A JPEG whose longer side is `side` at most. Transparency becomes white, as on the server.
async function drawn(bitmap, side, quality) {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const size = [bitmap.width, bitmap.height].map((each) => Math.max(1, Math.round(scale * each)));
  const canvas = new OffscreenCanvas(...size);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, ...size);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, ...size);
  return canvas.convertToBlob({ type: "image/jpeg", quality });
}
