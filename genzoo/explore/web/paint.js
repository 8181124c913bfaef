// Examples on canvases: pictures as their pixels, numbers and points as a marker in a cloud of others.

/** What paints an example onto a canvas. `cloud` are examples, for a model of points. */
export function painter(shape, cloud) {
  return shape.length === 3 ? pixels(shape) : marker(cloud);
}

function pixels([channels, height, width]) {
  const area = height * width, step = channels === 3 ? area : 0;
  return (canvas, picture) => {
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const image = new ImageData(width, height);
    for (let p = 0; p < area; p++) image.data.set([picture[p], picture[p + step], picture[p + 2 * step], 255], 4 * p);
    canvas.getContext("2d").putImageData(image, 0, 0);
  };
}

const SIDE = 280;

/** A disc among those of the cloud, which are faint; numbers, which lie on a line, are scattered above and below it. */
function marker(cloud) {
  const all = cloud.flatMap((point) => [...point]), low = Math.min(...all), high = Math.max(...all);
  const margin = (high - low) / 10 || 1, place = (value) => ((value - low + margin) / (high - low + 2 * margin)) * SIDE;
  return (canvas, point) => {
    Object.assign(canvas, { width: SIDE, height: SIDE }).style.imageRendering = "auto";
    const context = canvas.getContext("2d");
    const disc = ([x, y], radius, height) => {
      context.beginPath();
      context.arc(place(x), y === undefined ? height : SIDE - place(y), radius, 0, 2 * Math.PI);
      context.fill();
    };
    context.fillStyle = getComputedStyle(document.body).accentColor;
    context.globalAlpha = 0.3;
    cloud.forEach((one, i) => disc(one, 2, SIDE * (0.2 + 0.6 * ((i * 0.618) % 1))));
    context.globalAlpha = 1;
    disc(point, 8, SIDE / 2);
  };
}

/** The sign of a class and its colour, on black: neither is needed to tell ten of them apart. */
export function signOf(label) {
  const hue = [250, 45, 150, 350, 90, 300, 200, 20, 120, 275][(label + 3 * Math.floor(label / 10)) % 10];
  return ["●■▲◆✚★▼✕⬢✦"[label % 10], `oklch(${label % 2 ? 0.84 : 0.74} 0.16 ${hue})`];
}

/** Canvases in rows and columns as one, each enlarged a whole number of times. */
export function sheet(rows) {
  const { width, height } = rows[0][0], gap = 2, factor = Math.max(1, Math.round(112 / width));
  const wide = width * factor + gap, high = height * factor + gap;
  const whole = new OffscreenCanvas(Math.max(...rows.map((row) => row.length)) * wide - gap, rows.length * high - gap);
  const context = whole.getContext("2d");
  context.imageSmoothingEnabled = false;
  rows.forEach((row, i) => row.forEach((one, k) => context.drawImage(one, k * wide, i * high, wide - gap, high - gap)));
  return whole;
}

/** A picture of any size as the model sees it, bytes of (channels, height, width): cropped to its aspect, on white. */
export function fitted(source, [channels, height, width]) {
  const context = new OffscreenCanvas(width, height).getContext("2d"), area = height * width;
  const factor = Math.max(width / source.width, height / source.height);
  const w = source.width * factor, h = source.height * factor;
  Object.assign(context, { imageSmoothingQuality: "high", fillStyle: "white" });
  context.fillRect(0, 0, width, height);
  context.drawImage(source, (width - w) / 2, (height - h) / 2, w, h);
  const { data } = context.getImageData(0, 0, width, height);
  return Uint8Array.from({ length: channels * area }, (_, i) => {
    const at = 4 * (i % area), [r, g, b] = data.subarray(at, at + 3);
    return channels === 3 ? data[at + Math.floor(i / area)] : Math.round(0.299 * r + 0.587 * g + 0.114 * b); // ITU-R 601
  });
}
