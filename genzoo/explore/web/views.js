// The views under the picture: [title, build(app, panel)]; build gives what brings it up to date.

import { byId, make, number, press } from "./dom.js";
import { signOf } from "./paint.js";

const dot = (u, v) => u.reduce((sum, value, j) => sum + value * v[j], 0);

/** Where a code is along a latent: one of its numbers, or the coordinate in a direction of length 1. */
export const at = (z, { index, direction }) => (direction ? dot(direction, z) : z[index]);

/** The code with another value there. */
export function moved(z, latent, value) {
  const { index, direction } = latent, by = value - at(z, latent);
  return z.map((one, j) => +(one + by * (direction ? direction[j] : j === index)).toFixed(4)); // as the link has it
}

const STEPS = 11, ROWS = 8, SAMPLES = 24, SIDE = 20, AT_ONCE = 10;

const VIEWS = {
  traverse: ["Traverse", traverse],
  interpolate: ["Interpolate", interpolate],
  samples: ["Samples", samples],
  draws: ["Samples", draws],
};

/** The views that make sense for a model; a browser alone has nothing to draw samples with but codes. */
export function viewsOf({ told, sample }) {
  const shown = told.panels.filter((panel) => panel in VIEWS && (panel !== "draws" || sample));
  return shown.map((panel) => VIEWS[panel]);
}

/** Decode codes, a few at once so that the page answers in between, and show(k, picture) each; a newer filling of the
 * same place ends this one. */
async function fill({ model, given }, place, codes, show) {
  place.filled = codes;
  for (let k = 0; k < codes.length; k += AT_ONCE) {
    const pictures = await model.decode(codes.slice(k, k + AT_ONCE), given);
    if (place.filled !== codes) return;
    pictures.forEach((picture, i) => show(k + i, picture));
    await new Promise((done) => setTimeout(done));
  }
}

/** A button with a picture, which makes its code the page's. */
function cell(app, ariaLabel) {
  const onclick = ({ currentTarget }) => app.go(currentTarget.code);
  return make("button", { className: "cell", ariaLabel, onclick }, make("canvas"));
}

function fillCells(app, panel, codes) {
  const cells = panel.querySelectorAll("td button");
  return fill(app, panel, codes, (k, picture) => {
    cells[k].code = codes[k];
    app.paint(cells[k].firstChild, picture);
  });
}

const heading = (scope, textContent) => make("th", { scope, textContent });

/** Rows of cells and of headings. */
function table(caption, rows, head = []) {
  const row = (cells) => make("tr", {}, ...cells.map((one) => (one.tagName === "TH" ? one : make("td", {}, one))));
  const parts = [make("thead", {}, row(head)), make("tbody", {}, ...rows.map(row))];
  return make("table", { className: "grid" }, make("caption", {}, caption), ...parts);
}

function traverse(app, panel) {
  const { told } = app.model, latents = told.latents.filter((latent) => !latent.collapsed).slice(0, ROWS);
  const ticks = Array.from({ length: STEPS }, (_, k) => k / (STEPS - 1));
  const value = ({ low, high }, t) => low + t * (high - low);
  const row = (latent) => ticks.map((tick) => cell(app, `${latent.title} = ${number(value(latent, tick))}`));
  const caption = `Each row moves one latent, in standard deviations of the ${told.panels.includes("samples") ? "prior" : "codes"}.`;
  const head = ["", ...ticks.map((tick) => heading("col", number(6 * tick - 3, 1)))];
  panel.append(table(caption, latents.map((latent) => [heading("row", latent.title), ...row(latent)]), head));
  panel.python = () => {
    const { index, direction } = app.focus, given = app.keywords();
    if (!direction) return `genzoo.strip(model.traverse(z, latent=${index}${given})).save("traverse.png")`;
    return `direction = torch.tensor([${direction}])\n` +
      `z = z + (torch.linspace(-3, 3, ${STEPS}) - z @ direction)[:, None] * direction\n` +
      `genzoo.grid(model.decode(z${given}), ${STEPS}).save("traverse.png")`;
  };
  const steps = (latent) => ticks.map((tick) => moved(app.z, latent, value(latent, tick)));
  return () => fillCells(app, panel, latents.flatMap(steps));
}

function interpolate(app, panel) {
  const { bases } = app.model.told, ends = [bases[0].code, bases[1].code];
  const cells = Array.from({ length: STEPS }, (_, k) => cell(app, `${k * 10} % of the way`));
  const chooser = (end, name) => {
    const pick = (code, chosen) => {
      ends[end] = code;
      press(buttons, chosen);
      app.changed();
    };
    const own = make("button", { onclick: () => pick(Array.from(app.z), own) }, "Current");
    const buttons = [...bases.map((base, i) => app.thumb(base, () => pick(base.code, buttons[i]))), own];
    press(buttons, buttons[end]);
    return make("fieldset", { className: "bar" }, make("legend", {}, name), ...buttons);
  };
  const modes = ["linear", "spherical"].map((value) => make("option", { value, textContent: value }));
  const mode = make("select", { onchange: app.changed }, ...modes);
  const way = make("label", { className: "bar soft" }, "Way", mode);
  panel.append(table("Pictures on the way from one code to another.", [cells]), chooser(0, "From"), chooser(1, "To"), way);
  panel.python = () =>
    `a, b = ${app.tensor(ends.map((end) => [...end]))}[:, None]\n` +
    `genzoo.strip(model.interpolate(a, b, ${STEPS}, mode="${mode.value}"${app.keywords()})).save("interpolate.png")`;
  return () => fillCells(app, panel, cells.map((_, k) => between(...ends, k / (STEPS - 1), mode.value)));
}

/** The code at t of the way from a to b, as interpolate has it in genzoo/latent/paths.py. */
function between(a, b, t, mode) {
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)))));
  const share = (s) => (mode === "spherical" && Math.sin(angle) > 1e-4 ? Math.sin(s * angle) / Math.sin(angle) : s);
  return a.map((value, j) => share(1 - t) * value + share(t) * b[j]);
}

function samples(app, panel) {
  const cells = Array.from({ length: SAMPLES }, (_, i) => cell(app, `sample ${i}`));
  return seeded(app, panel, cells, async () => fillCells(app, panel, await app.model.noise(app.seed, SAMPLES)));
}

/** Samples of a model that does not decode codes for them. */
function draws(app, panel) {
  const cells = Array.from({ length: SAMPLES }, (_, i) => make("canvas", { role: "img", ariaLabel: `sample ${i}` }));
  return seeded(app, panel, cells, async () => {
    const drawn = await app.model.sample(app.seed, SAMPLES, app.given);
    drawn.forEach((picture, i) => app.paint(cells[i], picture));
  });
}

function seeded(app, panel, cells, draw) {
  const seed = make("input", { type: "number", min: 0, max: 2 ** 32 - 1, value: app.seed });
  const rows = [0, 8, 16].map((from) => cells.slice(from, from + 8));
  const about = app.served ? "The first pictures of sample(n, seed=…)." : "Draws by seeds of this page’s own.";
  seed.onchange = () => {
    if (!seed.checkValidity()) return;
    app.seed = +seed.value;
    app.changed();
  };
  panel.append(make("label", {}, "Seed ", seed), table(about, rows));
  panel.python = () => app.served && `genzoo.grid(model.sample(${SAMPLES}, seed=${app.seed}${app.keywords()})).save("samples.png")`;
  let drawn;
  return async () => {
    const asked = [app.seed, ...app.given].join();
    if (drawn === asked) return;
    drawn = asked;
    await draw();
  };
}

const KEYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };

/** The plane of a model with two latents, which lies beside the picture: `mark` shows the code, `update` its pictures. */
export function map(app) {
  const { told } = app.model, [, height, width] = told.shape, plane = byId("plane"), cross = byId("cross");
  const [across, up] = told.latents.toSorted((a, b) => a.index - b.index);
  const place = ([x, y]) => [(x - across.low) / (across.high - across.low), (up.high - y) / (up.high - up.low)];
  const code = (x, y) => [across.low + x * (across.high - across.low), up.high - y * (up.high - up.low)];
  const put = ({ clientX, clientY }) => {
    const box = plane.getBoundingClientRect();
    app.go(code((clientX - box.left) / box.width, (clientY - box.top) / box.height));
  };
  plane.onpointerdown = (event) => {
    plane.setPointerCapture(event.pointerId);
    put(event);
  };
  plane.onpointermove = (event) => event.buttons && put(event);
  plane.onkeydown = (event) => {
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    const [latent, steps] = KEYS[event.key], slider = byId(`z${latent}`);
    slider.stepUp(steps);
    slider.oninput();
  };
  if (told.points) scatter(told.points, place);
  const middle = (k) => (Math.floor(k) + 0.5) / SIDE;
  const codes = Array.from({ length: SIDE ** 2 }, (_, k) => code(middle(k % SIDE), middle(k / SIDE)));
  const one = make("canvas"), manifold = Object.assign(byId("manifold"), { width: SIDE * width, height: SIDE * height });
  const show = (k, picture) => {
    app.paint(one, picture);
    manifold.getContext("2d").drawImage(one, (k % SIDE) * width, Math.floor(k / SIDE) * height);
  };
  let given;
  const update = async () => {
    if (`${given}` === `${app.given}`) return;
    given = app.given;
    await fill(app, plane, codes, show);
  };
  return { mark: () => ([cross.style.left, cross.style.top] = place(app.z).map((t) => `${t * 100}%`)), update };
}

/** Mark the codes of data by their classes; closing the legend hides them. */
function scatter(points, place) {
  const canvas = byId("points"), context = canvas.getContext("2d"), labels = new Set(points.map(([, , label]) => label));
  Object.assign(context, { font: "22px sans-serif", textAlign: "center", textBaseline: "middle" });
  for (const [x, y, label] of points) {
    const [sign, colour] = signOf(label), [left, top] = place([x, y]);
    context.fillStyle = colour;
    context.fillText(sign, left * canvas.width, top * canvas.height);
  }
  for (const label of [...labels].sort((a, b) => a - b)) {
    const [sign, colour] = signOf(label), mark = make("span", {}, sign);
    mark.style.color = colour;
    byId("legend").append(make("span", {}, mark, ` ${label}`));
  }
  Object.assign(byId("classes"), { open: true, hidden: false });
}
