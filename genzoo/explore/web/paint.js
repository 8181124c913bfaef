// Examples on canvases: pictures as their pixels, numbers and points as a marker in a cloud of others.

/** What paints example i of an array onto a canvas. `cloud` are examples, for a model of points. */
export function painter(shape, cloud) {
  return shape.length === 3 ? pixels(shape) : marker(shape[0], cloud);
}

function pixels([channels, height, width]) {
  const area = height * width;
  return (canvas, values, i = 0) => {
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const image = new ImageData(width, height), { data } = image;
    let at = i * channels * area;
    for (let p = 0; p < area; p++, at++) {
      for (let c = 0; c < 3; c++) data[4 * p + c] = values[at + (channels === 3 ? c * area : 0)];
      data[4 * p + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  };
}

const SIDE = 280, BINS = 40;

function marker(dimensions, cloud) {
  const all = Array.from(cloud), low = Math.min(...all), high = Math.max(...all), margin = (high - low) / 10 || 1;
  const place = (value) => ((value - low + margin) / (high - low + 2 * margin)) * SIDE;
  return (canvas, values, i = 0) => {
    Object.assign(canvas, { width: SIDE, height: SIDE }).style.imageRendering = "auto";
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(document.body).accentColor;
    context.globalAlpha = 0.3;
    (dimensions === 1 ? bars : dots)(context, cloud, place);
    context.globalAlpha = 1;
    const at = values.subarray(i * dimensions, (i + 1) * dimensions);
    if (dimensions === 1) context.fillRect(place(at[0]) - 1.5, 0, 3, SIDE);
    else disc(context, place(at[0]), SIDE - place(at[1]), 6);
  };
}

function bars(context, cloud, place) {
  const counts = new Array(BINS).fill(0), wide = SIDE / BINS;
  for (const value of cloud) counts[Math.min(BINS - 1, Math.floor(place(value) / wide))]++;
  const most = Math.max(...counts);
  counts.forEach((count, k) => context.fillRect(k * wide, SIDE, wide - 1, (-0.9 * SIDE * count) / most));
}

function dots(context, cloud, place) {
  for (let i = 0; i < cloud.length; i += 2) disc(context, place(cloud[i]), SIDE - place(cloud[i + 1]), 1.5);
}

function disc(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

// Classes: ten shapes and ten colours, so that neither is needed to tell them apart. Corners are (angle in turns, radius).

const regular = (corners, turn = 0, radius = 1) =>
  Array.from({ length: corners }, (_, k) => [k / corners + turn, radius]);
const star = (points, inner, turn = 0) =>
  Array.from({ length: 2 * points }, (_, k) => [k / (2 * points) + turn, k % 2 ? inner : 1.25]);
const SHAPES = [
  regular(24, 0, 0.9), regular(4, 0.125, 1.15), regular(3, -0.25, 1.2), regular(4, 0, 1.2), star(4, 0.35),
  star(5, 0.5, -0.25), regular(3, 0.25, 1.2), star(4, 0.35, 0.125), regular(6, 0, 1.1), star(3, 0.35, -0.25),
];
const HUES = [250, 45, 150, 350, 90, 300, 200, 20, 120, 275];

/** The mark of a class about (x, y), on black. */
export function mark(context, label, x, y, radius) {
  const hue = HUES[(label + 3 * Math.floor(label / 10)) % 10];
  context.fillStyle = `oklch(${label % 2 ? 0.84 : 0.74} 0.16 ${hue})`;
  context.beginPath();
  for (const [turn, reach] of SHAPES[label % 10]) {
    const angle = 2 * Math.PI * turn;
    context.lineTo(x + radius * reach * Math.cos(angle), y + radius * reach * Math.sin(angle));
  }
  context.fill();
}

/** Canvases in rows and columns as one, each enlarged a whole number of times. */
export function sheet(rows, gap = 2) {
  const { width, height } = rows[0][0], factor = Math.max(1, Math.round(112 / width));
  const [wide, high] = [width * factor + gap, height * factor + gap];
  const whole = document.createElement("canvas");
  Object.assign(whole, { width: Math.max(...rows.map((row) => row.length)) * wide - gap, height: rows.length * high - gap });
  const context = whole.getContext("2d");
  context.imageSmoothingEnabled = false;
  rows.forEach((row, i) => row.forEach((canvas, k) => context.drawImage(canvas, k * wide, i * high, wide - gap, high - gap)));
  return whole;
}

/** The bytes of a canvas, as the model sees pictures: (channels, height, width). */
export function bytesOf(canvas, [channels, height, width]) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height), area = height * width;
  const pixels = new Uint8Array(channels * area);
  for (let p = 0; p < area; p++) {
    const [r, g, b] = data.subarray(4 * p, 4 * p + 3);
    if (channels === 1) pixels[p] = Math.round(0.299 * r + 0.587 * g + 0.114 * b); // ITU-R 601, as Pillow has it
    else [pixels[p], pixels[p + area], pixels[p + 2 * area]] = [r, g, b];
  }
  return pixels;
}

/** A picture of any size on a canvas of (…, height, width): cropped to its aspect, on white. */
export function fitted(source, [, height, width]) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const factor = Math.max(width / source.width, height / source.height);
  const [w, h] = [source.width * factor, source.height * factor];
  Object.assign(context, { imageSmoothingQuality: "high", fillStyle: "white" });
  context.fillRect(0, 0, width, height);
  context.drawImage(source, (width - w) / 2, (height - h) / 2, w, h);
  return canvas;
}
