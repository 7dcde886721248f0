// Where the model looked, laid over the photo.

const SHADE = 0.6; // of what it did not look at

// Draw `rows` of shares onto a canvas: the more attention, the clearer the photo below it.
export function draw(canvas, rows) {
  const [height, width] = [rows.length, rows[0].length];
  const most = Math.max(...rows.flat(), 1e-6);
  const small = new ImageData(width, height);
  rows.flat().forEach((share, i) => {
    small.data[4 * i + 3] = 255 * SHADE * (1 - share / most);
  });
  const grid = new OffscreenCanvas(width, height);
  grid.getContext("2d").putImageData(small, 0, 0);
  const context = canvas.getContext("2d");
  clear(canvas);
  context.imageSmoothingQuality = "high";
  context.drawImage(grid, 0, 0, canvas.width, canvas.height);
}

export function clear(canvas) {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
}
