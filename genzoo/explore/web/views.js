// The views under the picture: {id, title, build(app, panel)}; build gives what brings it up to date.

import { button, joined, make, number, rest } from "./dom.js";
import { mark } from "./paint.js";

const STEPS = 11, ROWS = 8, SAMPLES = 24, SIDE = 20;

/** The views that make sense for a model. */
export function viewsOf({ told }) {
  const many = told.bases.codes.length > told.latent, pictures = told.shape.length === 3;
  return [
    { id: "traverse", title: "Traverse", build: traverse },
    told.bases.of === "data" && pictures && { id: "reconstruct", title: "Reconstruct", build: reconstruct },
    many && { id: "interpolate", title: "Interpolate", build: interpolate },
    told.samples && { id: "samples", title: "Samples", build: samples },
  ].filter(Boolean);
}

// A cell is a picture on a button that makes its code the page's.

function cell(app, name) {
  const canvas = make("canvas");
  const one = button({ className: "cell", "aria-label": name, onclick: () => app.go(one.code) }, canvas);
  return Object.assign(one, { canvas });
}

/** Decode codes onto cells, as many at once as take a few milliseconds; give up when `current()` no more holds. */
async function fill(app, cells, codes, current) {
  let many = 4;
  for (let i = 0; i < cells.length; ) {
    const part = codes.slice(i, i + many), began = performance.now(), pictures = await app.model.decode(joined(part));
    if (!current()) return;
    part.forEach((code, k) => {
      cells[i + k].code = code;
      app.paint(cells[i + k].canvas, pictures, k);
    });
    i += many;
    if (performance.now() - began < 8) many = Math.min(64, 2 * many);
    await rest();
  }
}

/** Runs `work` with what tells whether this is still the newest call. */
function newest(work) {
  let calls = 0;
  return () => {
    const call = ++calls;
    return work(() => call === calls);
  };
}

function table(panel, caption, heads, rows) {
  const columns = heads && make("tr", {}, make("td"), ...heads.map((text) => make("th", { scope: "col", textContent: text })));
  const body = rows.map(([head, cells]) =>
    make("tr", {}, ...(head ? [make("th", { scope: "row" }, ...[head].flat())] : []), ...cells.map((one) => make("td", {}, one))),
  );
  const parts = [make("caption", { textContent: caption }), make("tbody", {}, ...body)];
  if (columns) parts.splice(1, 0, make("thead", {}, columns));
  panel.replaceChildren(make("table", { className: "grid" }, ...parts), ...panel.querySelectorAll(":scope > .bar"));
  return rows.map(([, cells]) => cells.map((one) => one.canvas ?? one));
}

function traverse(app, panel) {
  const { told } = app.model, used = told.latents.filter((latent) => latent.active !== false);
  const ticks = Array.from({ length: STEPS }, (_, k) => (6 * k) / (STEPS - 1) - 3);
  const value = ({ low, high }, tick) => low + ((tick + 3) / 6) * (high - low);
  const caption = `Each row moves one latent, from −3 to 3 standard deviations of the ${told.samples ? "prior" : "codes"}.`;
  let cells;
  const lay = (latents) => {
    cells = latents.map((latent) => ticks.map((tick) => cell(app, `${app.title(latent)} = ${number(value(latent, tick))}`)));
    const rows = latents.map((latent, j) => [app.title(latent), cells[j]]);
    panel.sheet = table(panel, caption, ticks.map((tick) => number(tick, 1)), rows);
    Object.assign(cells, { latents });
  };
  lay(used.slice(0, ROWS));
  const update = newest((current) => {
    const codes = cells.latents.map((latent) => ticks.map((tick) => app.z.with(latent.index, value(latent, tick))));
    return fill(app, cells.flat(), codes.flat(), current);
  });
  if (used.length > ROWS) {
    const all = () => {
      lay(used);
      more.remove();
      app.changed();
    };
    const more = make("div", { className: "bar" }, button({ onclick: all }, `All ${used.length} latents`));
    panel.append(more);
  }
  return update;
}

function reconstruct(app, panel) {
  const { bases, dataset, shape, latent } = app.model.told, size = shape.reduce((a, b) => a * b);
  const labels = bases.labels, count = bases.codes.length / latent;
  const update = newest(async (current) => {
    const models = [app.model, app.peer].filter(Boolean);
    const results = await Promise.all(models.map((model) => app.reconstructions(model)));
    if (!current()) return;
    const row = (values) => Array.from({ length: count }, (_, i) => {
      const canvas = make("canvas", { role: "img", "aria-label": labels[i] ?? `picture ${i + 1}` });
      app.paint(canvas, values, i);
      return canvas;
    });
    const error = (values) => values.reduce((sum, v, i) => sum + (v - bases.pixels[i]) ** 2, 0) / (count * size) / 255 ** 2;
    const head = (model, values) => [model.told.name, make("small", { textContent: `${model.told.latent} latents, MSE ${error(values).toFixed(4)}` })];
    panel.sheet = table(panel, `Pictures of ${dataset}, and what comes back through the latents.`, null, [
      ["original", row(bases.pixels)],
      ...models.map((model, m) => [head(model, results[m]), row(results[m])]),
    ]);
  });
  return update;
}

function interpolate(app, panel) {
  const codes = app.own.map((base) => base.code), ends = codes.slice(0, 2);
  const cells = Array.from({ length: STEPS }, (_, k) => cell(app, `${k * 10} % of the way`));
  panel.sheet = table(panel, "Pictures on the straight way from one code to another.", null, [["", cells]]);
  const between = (t) => ends[0].map((value, j) => (1 - t) * value + t * ends[1][j]);
  const update = newest((current) => fill(app, cells, cells.map((_, k) => between(k / (STEPS - 1))), current));
  const chooser = (end, name) => {
    const pick = (code, chosen) => {
      ends[end] = code;
      for (const one of buttons) one.setAttribute("aria-pressed", one === chosen);
      app.changed();
    };
    const own = button({ "aria-pressed": false, onclick: () => pick(app.z.slice(), own) }, "Current");
    const buttons = [...codes.map((code, i) => app.thumb(i, () => pick(code, buttons[i]))), own];
    buttons[end].setAttribute("aria-pressed", true);
    return make("div", { className: "bar", role: "group", "aria-label": name }, make("span", { className: "soft", textContent: name }), ...buttons);
  };
  panel.append(chooser(0, "From"), chooser(1, "To"));
  return update;
}

function samples(app, panel) {
  const seed = make("input", { type: "number", min: 0, max: 2 ** 32 - 1, step: 1, value: app.seed });
  const next = button({ onclick: () => sow(app.seed + 1) }, "Next seed");
  const cells = Array.from({ length: SAMPLES }, (_, i) => cell(app, `sample ${i}`));
  const sheet = make("div", { className: "tiles", role: "group", "aria-label": "Samples" }, ...cells);
  const about = app.served ? "The first pictures of sample(n, seed=…)." : "Draws from the prior, by seeds of this page’s own.";
  panel.append(make("div", { className: "bar" }, make("label", {}, "Seed ", seed), next), make("p", { className: "soft", textContent: about }), sheet);
  panel.sheet = [0, 1, 2].map((row) => cells.slice(8 * row, 8 * row + 8).map((one) => one.canvas));
  let drawn;
  const update = newest(async (current) => {
    if (drawn === app.seed) return;
    const seeded = app.seed, codes = await app.model.noise(seeded, SAMPLES), { latent } = app.model.told;
    if (!current()) return;
    await fill(app, cells, cells.map((_, i) => codes.slice(i * latent, (i + 1) * latent)), current);
    if (current()) drawn = seeded;
  });
  const sow = (value) => {
    seed.value = app.seed = value;
    app.changed();
  };
  seed.onchange = () => seed.checkValidity() && sow(+seed.value);
  return update;
}

/** The plane of a model with two latents, which lies beside the picture: gives what brings it up to date. */
export function map(app, panel) {
  const { told } = app.model, [, height, width] = told.shape;
  const [across, up] = told.latents.toSorted((a, b) => a.index - b.index);
  const pictures = make("canvas", { width: SIDE * width, height: SIDE * height }), points = make("canvas", { width: 1120, height: 1120 });
  const cross = make("span", { className: "cross" });
  const plane = make("div", { className: "plane", tabIndex: 0, role: "application", "aria-label": "Map of both latents: arrow keys move the code" }, pictures, points, cross);
  const note = `What each place decodes to${told.points ? `, and where pictures of ${told.dataset} lie` : ""}. Drag, or use the arrow keys.`;
  panel.append(make("p", { className: "soft", textContent: note }), plane);
  const place = (z) => [(z[0] - across.low) / (across.high - across.low), (up.high - z[1]) / (up.high - up.low)];
  const code = (x, y) => Float32Array.of(across.low + x * (across.high - across.low), up.high - y * (up.high - up.low));
  const put = (event) => {
    const box = plane.getBoundingClientRect(), inside = (t) => Math.max(0, Math.min(1, t));
    app.go(code(inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)));
  };
  plane.onpointerdown = (event) => {
    plane.setPointerCapture(event.pointerId);
    put(event);
  };
  plane.onpointermove = (event) => event.buttons && put(event);
  plane.onkeydown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const [x, y] = place(app.z);
    app.go(code(x + step[0] / 60, y + step[1] / 60));
  };
  if (told.points) panel.append(scatter(told.points, place, points, pictures));
  paintPlane(app, pictures, code);
  return () => [cross.style.left, cross.style.top] = place(app.z).map((t) => `${t * 100}%`);
}

/** Mark the codes of data by their classes; gives the legend. */
function scatter({ codes, labels }, place, points, pictures) {
  const context = points.getContext("2d"), side = points.width;
  for (let i = 0; i < codes.length / 2; i++) {
    const [x, y] = place(codes.subarray(2 * i));
    mark(context, labels[i] ?? 0, x * side, y * side, 7);
  }
  const key = (label) => {
    const canvas = make("canvas", { width: 24, height: 24 });
    mark(canvas.getContext("2d"), label, 12, 12, 8);
    return make("span", {}, canvas, String(label));
  };
  const box = make("input", { type: "checkbox", checked: true });
  const show = () => pictures.classList.toggle("behind", !(points.hidden = !box.checked));
  box.onchange = show;
  show();
  return make("p", { className: "legend" }, make("label", {}, box, " Points"), ...[...new Set(labels)].sort((a, b) => a - b).map(key));
}

/** Decode the plane row by row, each picture where its code is. */
async function paintPlane(app, canvas, code) {
  const { width, height } = canvas, one = make("canvas"), context = canvas.getContext("2d");
  for (let row = 0; row < SIDE; row++) {
    const codes = Array.from({ length: SIDE }, (_, k) => code((k + 0.5) / SIDE, (row + 0.5) / SIDE));
    const decoded = await app.model.decode(joined(codes));
    for (let k = 0; k < SIDE; k++) {
      app.paint(one, decoded, k);
      context.drawImage(one, (k * width) / SIDE, (row * height) / SIDE);
    }
    await rest();
  }
}
