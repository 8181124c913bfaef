// The page of a model: a slider for each latent, the picture of their code, and the views under it.

import { button, byId, joined, make, number, save } from "./dom.js";
import { bytesOf, fitted, painter, sheet } from "./paint.js";
import { open } from "./source.js";
import { map, viewsOf } from "./views.js";

const setting = JSON.parse(document.querySelector("meta[name=genzoo]").content);
const SHOWN = 24; // sliders that are there at once
const MOST = 16; // codes that are decoded at once; of more that wait, the newest

const app = {
  served: setting.served,
  model: null,
  peer: null,
  z: null,
  base: null, // the picture chosen last: {code, pixels}
  moved: false, // whether the code is another than that picture's
  seed: 0,
  focus: null, // the latent that was moved last
  title: ({ index, label }) => `z${index}${label ? ` ${label}` : ""}`,
};

/** What is under way: `html[data-busy]` counts it, for whoever waits until all is shown. */
async function during(work) {
  const { dataset } = document.documentElement, count = (by) => (dataset.busy = (+dataset.busy || 0) + by);
  count(1);
  try {
    return await work();
  } catch (error) {
    say(error.message);
  } finally {
    count(-1);
  }
}

/** What decodes codes and shows each in its turn: those that came while the model was busy all at once. */
function shower(show) {
  let waiting = [], busy = false;
  const work = async (model) => {
    while (waiting.length) {
      const codes = waiting.slice(-MOST);
      waiting = [];
      const pictures = await model.decode(joined(codes));
      codes.forEach((code, k) => show(pictures, k, code));
    }
  };
  return async (model, z) => {
    waiting.push(z.slice());
    if (busy) return;
    busy = true;
    await during(() => work(model));
    waiting = [];
    busy = false;
  };
}

const showPicture = shower((pictures, k, code) => {
  const told = app.model.told.latents.slice(0, 3).map((latent) => `${app.title(latent)} ${number(code[latent.index])}`);
  app.paint(byId("picture"), pictures, k);
  byId("picture").setAttribute("aria-label", `Decoded picture at ${told.join(", ")}`);
});
let showOther; // of the peer

function say(text) {
  byId("status").textContent = text;
}

function decodeOther() {
  if (app.peer) return during(decodedOther);
}

/** The other model gets the same picture, and once its code was changed the same code, where it can. */
async function decodedOther() {
  const { peer, base } = app, { told } = peer, codes = told.latent === app.model.told.latent;
  const picture = told.encodes && base.pixels && !(codes && app.moved);
  if (!picture && !codes) return;
  if (picture) base.codes ??= {};
  const code = picture ? (base.codes[told.name] ??= await app.codeFor(peer, base)) : app.z;
  const name = `${told.name}, same ${picture ? "picture" : "code"}`;
  byId("otherCaption").textContent = name;
  byId("otherPicture").setAttribute("aria-label", name);
  showOther(peer, code);
}

/** The link and the view follow when nothing has changed for a while. */
let changes = 0;
app.changed = () => {
  const change = ++changes;
  return during(async () => {
    await new Promise((done) => setTimeout(done, 120));
    if (change !== changes) return;
    remember();
    await app.view.update();
  });
};

/** Make z the code. `base` is the picture it is the code of, if it is of one. */
app.go = (z, base) => {
  app.z = Float32Array.from(z, (value) => +value.toFixed(4)); // as the link has it
  app.base = base ?? app.base;
  app.moved = !base;
  for (const show of sliders) show();
  shown();
};

/** Show the code, whatever changed it. */
function shown() {
  for (const thumb of byId("bases").children) thumb.setAttribute("aria-pressed", !app.moved && thumb.base === app.base);
  app.map?.();
  showPicture(app.model, app.z);
  decodeOther();
  app.changed();
}

/** What a model makes of the base images: bytes, or numbers. */
app.reconstructions = async (model) => {
  const { bases } = app.model.told;
  if (model === app.model) return bases.decoded;
  const codes = await Promise.all(app.own.map((base) => app.codeFor(model, base)));
  return model.decode(joined(codes));
};

/** The code of a picture; where no server encodes, the one that came with it. */
app.codeFor = async (model, base) => {
  if (model.encode) return model.encode(base.pixels);
  const { latent, bases } = model.told;
  return bases.codes.slice(base.place * latent, (base.place + 1) * latent);
};

app.thumb = (i, act) => {
  const { told } = app.model, canvas = make("canvas"), base = app.own[i];
  app.paint(canvas, base.pixels ?? base.decoded);
  const name = told.bases.labels[i] ? `class ${told.bases.labels[i]}` : `picture ${i + 1}`;
  return Object.assign(button({ className: "cell", "aria-label": name, "aria-pressed": false, onclick: act }, canvas), { base });
};

// Sliders

const sliders = []; // what shows the code's value on each

function slider(latent, most) {
  const { index, low, high } = latent, id = `z${index}`, measure = latent.kl ?? latent.std;
  const fine = ((high - low) / 120).toExponential(0), step = fine.replace(/^./, (digit) => (digit < 5 ? 1 : 5)); // 0.05 of 6
  const input = make("input", { type: "range", id, min: low, max: high, step });
  const output = make("span", { className: "value", "aria-hidden": true }), bar = make("span", { className: "weight", "aria-hidden": true });
  const row = make("div", { className: "slider" }, make("label", { htmlFor: id, textContent: app.title(latent) }));
  if (measure !== null) {
    bar.style.setProperty("--share", measure / most);
    row.append(bar, make("small", { textContent: measure < 0.005 ? "0" : measure.toFixed(2) }));
  }
  if (latent.active === false) row.classList.add("collapsed");
  row.append(input, output);
  const show = () => {
    const value = app.z[index];
    input.min = Math.min(low, Math.floor(value));
    input.max = Math.max(high, Math.ceil(value));
    input.value = value;
    mark(value);
  };
  const mark = (value) => {
    output.textContent = value.toFixed(2).replace("-", "−");
    input.setAttribute("aria-valuetext", number(value));
    const at = (v) => (v - input.min) / (input.max - input.min), middle = at((low + high) / 2);
    input.style.setProperty("--from", Math.min(middle, at(value)));
    input.style.setProperty("--to", Math.max(middle, at(value)));
  };
  input.oninput = () => {
    app.z[index] = +input.value;
    mark(app.z[index]);
    app.moved = true;
    focusOn(latent);
    shown();
  };
  sliders.push(show);
  return row;
}

function focusOn(latent) {
  app.focus = latent;
  byId("gif").textContent = `Save GIF of ${app.title(latent)}`;
}

function laySliders() {
  const { latents, samples } = app.model.told, first = latents[0];
  const used = latents.filter((latent) => latent.active !== false), collapsed = latents.filter((latent) => latent.active === false);
  const most = Math.max(...latents.map((latent) => latent.kl ?? latent.std ?? 0));
  byId("order").textContent =
    first.kl !== null ? "in the order of KL: how many nats each one carries"
    : first.std !== null ? "in the order of their standard deviation over data"
    : samples ? "all alike under the prior N(0, 1)" : "";
  byId("sliders").append(...used.slice(0, SHOWN).map((latent) => slider(latent, most)));
  const others = [...used.slice(SHOWN), ...collapsed];
  byId("rest").hidden = !others.length;
  byId("restTitle").textContent = [
    used.length > SHOWN && `${used.length - SHOWN} more`,
    collapsed.length && `${collapsed.length} collapsed: the decoder takes no notice of them`,
  ].filter(Boolean).join(", ");
  byId("restSliders").append(...others.map((latent) => slider(latent, most)));
  document.body.classList.toggle("plain", first.kl === null && first.std === null);
  focusOn(first);
}

// Where to start

function layBases() {
  const { told, size } = app.model, { bases, latent } = told, count = bases.codes.length / latent;
  const part = (array, width, i) => array?.slice(i * width, (i + 1) * width);
  app.own = Array.from({ length: count }, (_, place) => ({
    place,
    code: part(bases.codes, latent, place),
    pixels: part(bases.pixels, size, place),
    decoded: part(bases.decoded, size, place),
  }));
  byId("start").hidden = count < 2;
  byId("startTitle").textContent = bases.of === "data" ? `Start from ${told.dataset}` : "Start from a sample";
  byId("bases").append(...app.own.map((base, i) => app.thumb(i, () => app.go(base.code, base))));
  byId("own").hidden = !(told.encodes && app.model.encode);
}

/** Begin with a picture of the user's own. */
function begin(canvas) {
  const pixels = bytesOf(canvas, app.model.told.shape);
  return during(async () => app.go(await app.model.encode(pixels), { pixels }));
}

async function upload({ target }) {
  const [file] = target.files, picture = await createImageBitmap(file).catch(() => null);
  target.value = "";
  say(picture ? "" : `${file.name} cannot be read as a picture`);
  if (picture) begin(fitted(picture, app.model.told.shape));
}

function layPaper() {
  const paper = byId("paper"), side = paper.width;
  const pen = paper.getContext("2d", { willReadFrequently: true });
  const wipe = () => pen.fillRect(0, 0, side, side);
  Object.assign(pen, { lineWidth: side / 13, lineCap: "round", lineJoin: "round", strokeStyle: "white" });
  wipe();
  byId("wipe").onclick = wipe;
  const at = (event) => [(event.offsetX / paper.clientWidth) * side, (event.offsetY / paper.clientHeight) * side];
  paper.onpointerdown = (event) => {
    paper.setPointerCapture(event.pointerId);
    pen.beginPath();
    pen.moveTo(...at(event));
  };
  paper.onpointermove = (event) => {
    if (!event.buttons) return;
    pen.lineTo(...at(event));
    pen.stroke();
  };
  paper.onpointerup = () => begin(fitted(paper, app.model.told.shape));
}

// Two models

async function compare(name) {
  const peer = name ? await open(name, app.served) : null;
  const { latent, encodes } = peer?.told ?? app.model.told;
  if (latent !== app.model.told.latent && !(encodes && app.base.pixels)) {
    say(`${name} has ${latent} latents and no encoder: nothing can be given to both`);
    name = "";
  }
  app.peer = name ? peer : null;
  showOther = shower((pictures, k) => app.paint(byId("otherPicture"), pictures, k));
  byId("peer").value = name;
  byId("other").hidden = byId("caption").hidden = !name;
  byId("caption").textContent = app.model.told.name;
  document.body.classList.toggle("pair", Boolean(name));
  decodeOther();
  app.changed();
}

// Views

function layViews() {
  const views = viewsOf(app.model);
  const choose = (view) => {
    app.view = view;
    for (const one of views) {
      one.panel.hidden = one !== view;
      one.button.setAttribute("aria-pressed", one === view);
    }
    app.changed();
  };
  for (const view of views) {
    view.button = button({ onclick: () => choose(view) }, view.title);
    view.panel = make("section", { className: `view ${view.id}`, "aria-label": view.title });
    view.update = () => (view.work ??= view.build(app, view.panel))();
  }
  byId("views").append(...views.map((view) => view.button));
  byId("panels").append(...views.map((view) => view.panel));
  app.choose = (id) => choose(views.find((view) => view.id === id) ?? views[0]);
}

// The link: all that is seen

const rounded = () => Array.from(app.z, (value) => +value.toFixed(4));

function remember() {
  const state = new URLSearchParams({ view: app.view.id, z: rounded().join(" ") });
  if (app.base?.place) state.set("base", app.base.place);
  if (app.seed) state.set("seed", app.seed);
  if (app.peer) state.set("with", app.peer.told.name);
  history.replaceState(null, "", `#${state}`);
}

async function restore() {
  const state = new URLSearchParams(location.hash.slice(1)), base = app.own[state.get("base")] ?? app.own[0];
  const z = state.get("z")?.split(" ").map(Number);
  const fits = z?.length === app.model.told.latent && z.every(Number.isFinite);
  app.seed = Math.min(2 ** 32 - 1, Math.floor(Math.abs(state.get("seed")))) || 0;
  const moved = fits && z.some((v, j) => Math.abs(v - base.code[j]) > 1e-4);
  app.base = base;
  app.go(fits ? z : base.code, moved ? null : base);
  app.choose(state.get("view"));
  if (setting.peers.includes(state.get("with"))) await compare(state.get("with"));
}

/** What is seen, as Python that gives the same. */
function python() {
  const { told } = app.model, pictures = told.shape.length === 3;
  const views = {
    traverse: `genzoo.strip(model.traverse(z, latent=${app.focus.index})).save("traverse.png")`,
    samples: app.served && `genzoo.grid(model.sample(24, seed=${app.seed})).save("samples.png")`,
  };
  return [
    "import genzoo",
    "import torch",
    "",
    setting.load ? `model = genzoo.load(${JSON.stringify(setting.load)})` : "# model is that of this page",
    `z = torch.tensor([[${rounded().join(", ")}]])`,
    pictures ? 'genzoo.grid(model.decode(z)).save("picture.png")' : "print(model.decode(z))",
    (pictures && views[app.view.id]) || "",
  ].join("\n");
}

async function copy() {
  await navigator.clipboard.writeText(python());
  say("Python copied");
}

/** Codes in which the latent in focus goes from end to end. */
function swept(steps) {
  const { index, low, high } = app.focus;
  return joined(Array.from({ length: steps }, (_, k) => app.z.with(index, low + ((high - low) * k) / (steps - 1))));
}

function middle() {
  const z = new Float32Array(app.z.length);
  for (const { index, low, high } of app.model.told.latents) z[index] = (low + high) / 2;
  return z;
}

function layActions() {
  const { told } = app.model;
  byId("random").hidden = !told.samples;
  byId("random").onclick = () => during(async () => app.go(await app.model.noise(crypto.getRandomValues(new Uint32Array(1))[0], 1)));
  byId("mean").onclick = () => app.go(middle());
  byId("python").onclick = () => during(copy);
  byId("png").onclick = () => {
    const pictures = [byId("picture"), ...(app.peer ? [byId("otherPicture")] : [])];
    save(sheet([pictures, ...(app.view.panel.sheet ?? [])]), `${told.name}.png`);
  };
  byId("gif").hidden = told.shape.length !== 3 || !app.model.gif;
  byId("gif").onclick = () => during(async () => save(await app.model.gif(swept(16)), `${told.name}-z${app.focus.index}.gif`));
  byId("upload").onchange = upload;
  byId("compare").hidden = !setting.peers.length;
  byId("peer").append(...setting.peers.map((name) => make("option", { value: name, textContent: name })));
  byId("peer").onchange = (event) => during(() => compare(event.target.value));
}

function layFacts() {
  const { kind, dataset, shape, latent, parameters, metrics, trained } = app.model.told;
  const facts = [kind, dataset, trained ? "" : "untrained", shape.join("×"), `${latent} latent${latent > 1 ? "s" : ""}`, `${(parameters / 1e6).toFixed(2)} M parameters`];
  byId("facts").textContent = facts.filter(Boolean).join(" · ");
  byId("record").hidden = !Object.keys(metrics).length;
  byId("metrics").append(...Object.entries(metrics).map(([name, [value, unit]]) =>
    make("tr", {}, make("th", { scope: "row", textContent: name.replaceAll("_", " ") }), make("td", { textContent: `${+value.toPrecision(4)} ${unit}` }))));
  if (setting.home) byId("home").href = setting.home;
}

async function begun() {
  app.model = await open(setting.model, app.served);
  const { told } = app.model, points = told.shape.length !== 3;
  const cloud = points && (await app.model.decode(told.samples ? await app.model.noise(0, 1000) : told.bases.codes));
  app.paint = painter(told.shape, cloud);
  layFacts(), laySliders(), layBases(), layPaper(), layActions(), layViews();
  app.paint(byId("picture"), app.own[0].decoded);
  byId("map").hidden = points || told.latent !== 2;
  if (!byId("map").hidden) app.map = map(app, byId("map"));
  await restore();
}

during(begun);
addEventListener("hashchange", () => during(restore));
