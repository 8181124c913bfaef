// The page of a model: a slider for each latent, the picture of their code, and the views under it.

import { byId, make, number, press, save } from "./dom.js";
import { asPython, differences, handed, layGiven, read, restored, rowOf } from "./given.js";
import { fitted, painter, sheet } from "./paint.js";
import { open } from "./source.js";
import { at, map, moved, viewsOf } from "./views.js";

const setting = JSON.parse(document.querySelector("meta[name=genzoo]").content);
const MOST = 16; // codes that wait to be decoded

// model, peer: what is shown, and what it is compared with; z: the code; given: what is told; base: the picture chosen
// last, {code, given, pixels}; moved: whether z is another than its code; focus: the latent moved last; view: the open one
const app = { served: setting.served, seed: 0 };

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

const say = (text) => (byId("status").textContent = text);

/** What decodes codes onto a canvas, each in its turn; of many that wait, the newest. */
function shower(canvas) {
  let calls = 0, turn = Promise.resolve();
  return (model, z, given, words) => {
    const call = ++calls, code = z.slice();
    const work = async () => {
      if (calls - call < MOST) app.paint(canvas, ...(await model.decode([code], given)));
    };
    canvas.ariaLabel = words;
    turn = turn.catch(() => {}).then(work);
    during(() => turn);
  };
}

const showPicture = shower(byId("picture")), showOther = shower(byId("otherPicture"));

/** The other model gets the same picture, and once its code was changed the same code, where it can. */
async function decodeOther() {
  const { peer, base, model } = app, codes = alike(peer, model);
  const picture = has(peer, "upload") && base.pixels && !(codes && app.moved);
  if (!picture && !codes) return;
  const name = `${peer.told.name}, same ${picture ? "picture" : "code"}`;
  byId("otherCaption").textContent = name;
  if (picture) base.codes ??= {};
  const told = (given) => handed(peer.told.given, given, model.told.given);
  const encoded = () =>
    peer.encode ? peer.encode(base.pixels, told(base.given)) : peer.told.bases[app.own.indexOf(base)].code;
  showOther(peer, picture ? (base.codes[peer.told.name] ??= await encoded()) : app.z, told(app.given), name);
}

const has = ({ told }, panel) => told.panels.includes(panel);
const alike = (one, other) => `${one.told.code}` === `${other.told.code}`;

/** The link and the view follow when nothing has changed for a while. */
let changes = 0;
app.changed = () => {
  const change = ++changes;
  return during(async () => {
    await new Promise((done) => setTimeout(done, 120));
    if (change !== changes) return;
    remember();
    await Promise.all([app.view?.update(), app.map?.update()]);
  });
};

/** Make z the code. `base` is the picture it is the code of, if it is of one. */
app.go = (z, base, given = base?.given ?? app.given) => {
  app.z = Array.from(z, (value) => +value.toFixed(4)); // as the link has it
  app.base = base ?? app.base;
  app.given = given;
  app.moved = !base;
  for (const show of sliders) show();
  shown();
};

/** Show the code and what is told, whatever changed them. */
function shown() {
  app.showGiven(app.given);
  if (app.z) showCode();
  app.changed();
}

function showCode() {
  const { base, own } = app, taken = base.pixels && !own.includes(base); // a picture of the user's own
  const told = app.model.told.latents.slice(0, 3).map((latent) => `${latent.title} ${number(at(app.z, latent))}`);
  const words = `Decoded picture${told.length ? ` at ${told.join(", ")}` : ""}`;
  press(byId("bases").children, app.moved ? null : byId("bases").children[own.indexOf(base)]);
  app.map?.mark();
  byId("taken").hidden = !taken;
  if (taken) app.paint(byId("takenPicture"), base.pixels);
  showPicture(app.model, app.z, app.given, words);
  if (app.peer) during(decodeOther);
}

app.thumb = (base, onclick) => {
  const canvas = make("canvas");
  app.paint(canvas, base.pixels ?? base.decoded);
  return make("button", { className: "cell", ariaLabel: base.name, onclick }, canvas);
};

const sliders = []; // what shows the code's value on each

function slider(latent) {
  const { index, title, low, high, measure, share } = latent, id = `z${index}`;
  const input = make("input", { type: "range", id, step: (high - low) / 120 });
  const output = make("span", { className: "value", ariaHidden: true });
  const row = make("div", { className: "slider" }, make("label", { htmlFor: id, textContent: title }));
  if (measure !== null) {
    row.append(make("progress", { value: share, ariaHidden: true }), make("small", {}, number(measure)));
  }
  row.classList.toggle("collapsed", latent.collapsed);
  row.append(input, output);
  const show = () => {
    const value = at(app.z, latent);
    Object.assign(input, { min: Math.min(low, Math.floor(value)), max: Math.max(high, Math.ceil(value)), value });
    output.textContent = number(value);
    input.ariaValueText = output.textContent;
  };
  input.oninput = () => {
    app.z = moved(app.z, latent, +input.value);
    app.moved = true;
    focusOn(latent);
    show();
    shown();
  };
  sliders.push(show);
  return row;
}

function focusOn(latent) {
  app.focus = latent;
  byId("gif").textContent = `Save GIF of ${latent.title}`;
}

function laySliders() {
  const { latents } = app.model.told, collapsed = latents.filter((latent) => latent.collapsed);
  for (const latent of latents) byId(latent.collapsed ? "rest" : "sliders").append(slider(latent));
  byId("collapsed").hidden = !collapsed.length;
  byId("collapsed").firstChild.textContent = `${collapsed.length} collapsed: the decoder takes no notice of them`;
  if (latents.length) focusOn(latents[0]);
}

function layConditions() {
  const columns = app.model.told.given;
  byId("conditions").hidden = !columns.length;
  app.keywords = () => asPython(columns, app.given);
  app.showGiven = layGiven(columns, byId("given"), (column, text) => during(() => {
    app.given = app.given.toSpliced(column.at, column.length, ...read(column, text));
    say("");
    shown();
  }));
  if (!app.model.told.code) byId("views").before(byId("conditions"));
}

function layBases() {
  const { told } = app.model;
  app.own = told.bases;
  byId("bases").append(...app.own.map((base) => app.thumb(base, () => app.go(base.code, base))));
  byId("own").hidden = !(has(app.model, "upload") && app.model.encode);
}

/** Begin with a picture of the user's own. */
async function begin(picture) {
  const { given } = app, pixels = fitted(picture, app.model.told.shape), code = await app.model.encode(pixels, given);
  app.go(code, { code, given, pixels });
}

async function upload({ target }) {
  const [file] = target.files, picture = await createImageBitmap(file).catch(() => null);
  target.value = "";
  say(picture ? "" : `${file.name} cannot be read as a picture`);
  if (picture) await begin(picture);
}

function layPaper() {
  const { shape, paper: fillStyle, ink: value } = app.model.told;
  const paper = byId("paper"), pen = paper.getContext("2d", { willReadFrequently: true }), ink = byId("ink");
  const wipe = () => pen.fillRect(0, 0, paper.width, paper.height);
  Object.assign(pen, { lineWidth: 15, lineCap: "round", lineJoin: "round", fillStyle });
  Object.assign(ink, { value }).parentElement.hidden = shape[0] !== 3;
  wipe();
  byId("wipe").onclick = wipe;
  paper.onpointerdown = (event) => {
    paper.setPointerCapture(event.pointerId);
    pen.strokeStyle = ink.value;
    pen.beginPath();
    pen.moveTo(event.offsetX, event.offsetY);
  };
  paper.onpointermove = (event) => {
    if (!event.buttons) return;
    pen.lineTo(event.offsetX, event.offsetY);
    pen.stroke();
  };
  paper.onpointerup = () => during(() => begin(paper));
}

async function compare(name) {
  const peer = name ? await open(name, app.served) : null, other = peer ?? app.model;
  const fits = alike(other, app.model) || (has(other, "upload") && app.base.pixels);
  if (!fits) say(`${name} has other codes, and there is no picture for both`);
  app.peer = fits ? peer : null;
  byId("peer").value = app.peer ? name : "";
  byId("other").hidden = !app.peer;
  byId("caption").textContent = app.peer ? app.model.told.name : "";
  shown();
}

function layViews() {
  const views = viewsOf(app.model).map(([title, build]) => {
    const id = title.toLowerCase(), panel = make("section", { className: `view ${id}`, ariaLabel: title });
    const view = { id, panel, button: make("button", { onclick: () => app.choose(id) }, title) };
    view.update = () => (view.work ??= build(app, panel))();
    return view;
  });
  byId("views").append(...views.map((view) => view.button));
  byId("panels").append(...views.map((view) => view.panel));
  app.choose = (id) => {
    app.view = views.find((view) => view.id === id) ?? views[0];
    for (const { panel } of views) panel.hidden = panel !== app.view.panel;
    press(byId("views").children, app.view?.button);
    app.changed();
  };
}

// The link: all that is seen

function remember() {
  const state = new URLSearchParams({ view: app.view?.id ?? "", ...(app.z && { z: app.z.join(" ") }) });
  if (app.own.indexOf(app.base) > 0) state.set("base", app.own.indexOf(app.base));
  if (app.seed) state.set("seed", app.seed);
  if (app.peer) state.set("with", app.peer.told.name);
  const base = app.own.includes(app.base) ? app.base : app.own[0];
  const told = differences(app.model.told.given, app.given, base?.given ?? app.given);
  for (const [name, text] of told) state.set(`given.${name}`, text);
  history.replaceState(null, "", `#${state}`);
}

async function restore() {
  const state = new URLSearchParams(location.hash.slice(1)), base = app.own[state.get("base")] ?? app.own[0];
  const z = state.get("z")?.split(" ").map(Number);
  const fits = z?.length === base?.code.length && z?.every(Number.isFinite);
  app.seed = Math.min(2 ** 32 - 1, Math.floor(Math.abs(state.get("seed")))) || 0;
  app.given = restored(app.model.told.given, base?.given ?? app.given, (name) => state.get(`given.${name}`));
  if (base) app.go(base.code, base, app.given);
  if (fits && z.some((value, j) => Math.abs(value - base.code[j]) > 1e-4)) app.go(z);
  app.choose(state.get("view"));
  if (setting.peers.includes(state.get("with"))) await compare(state.get("with"));
}

/** Codes, as Python: in the shape that the model takes, where that is no vector. */
app.tensor = (codes) => {
  const { code } = app.model.told, rows = `torch.tensor(${JSON.stringify(codes)}).float()`;
  return code.length === 1 ? rows : `${rows}.view(-1, ${code.join(", ")})`;
};

/** What is seen, as Python that gives the same. */
async function python() {
  const view = app.model.pictures && app.view?.panel.python?.();
  const decoded = `model.decode(z${app.keywords()})`;
  const decode = app.model.pictures ? `genzoo.grid(${decoded}).save("picture.png")` : `print(${decoded})`;
  const code = app.z ? [`z = ${app.tensor([app.z])}`, decode] : [];
  await navigator.clipboard.writeText([setting.load, ...code, view || ""].join("\n"));
  say("Python copied");
}

/** The picture, the one beside it and those of the view. */
async function png() {
  const rows = [document.querySelector(".figures"), ...(app.view?.panel.querySelectorAll("tr") ?? [])];
  const canvases = rows.map((row) => [...row.querySelectorAll("canvas")].filter((one) => one.checkVisibility()));
  save(await sheet(canvases.filter((row) => row.length)).convertToBlob(), `${app.model.told.name}.png`);
}

/** The latent in focus goes from end to end. */
async function gif() {
  const { title, low, high } = app.focus, steps = Array.from({ length: 16 }, (_, k) => low + ((high - low) * k) / 15);
  const codes = steps.map((value) => moved(app.z, app.focus, value));
  save(await app.model.gif(codes, app.given), `${app.model.told.name}-${title}.gif`);
}

async function random() {
  const [code] = await app.model.noise(Math.floor(2 ** 32 * Math.random()), 1);
  app.go(code);
}

function layActions() {
  const { told, pictures, gif: animates } = app.model, mean = () => app.go(told.mean);
  for (const [id, work] of Object.entries({ random, mean, python, png, gif })) byId(id).onclick = () => during(work);
  byId("random").hidden = !has(app.model, "samples");
  byId("gif").hidden = !pictures || !animates || !has(app.model, "sliders");
  byId("upload").onchange = (event) => during(() => upload(event));
  byId("peer").onchange = (event) => during(() => compare(event.target.value));
}

/** Samples, for points to lie among. */
async function cloud() {
  const { noise, decode, sample } = app.model;
  if (has(app.model, "samples")) return decode(await noise(0, 1000), app.given);
  return has(app.model, "draws") && sample?.(0, 64, app.given);
}

async function begun() {
  app.model = await open(setting.model, app.served);
  const { told, pictures } = app.model, shown = told.bases.map((base) => base.decoded);
  app.given = told.bases[0]?.given ?? rowOf(told.given.flatMap((column) => column.default));
  app.paint = painter(told.shape, (!pictures && (await cloud())) || shown);
  laySliders(), layConditions(), layBases(), layPaper(), layActions(), layViews();
  byId("bench").hidden = !told.code; // samples are all there is to see
  if (told.code) app.paint(byId("picture"), app.own[0].decoded);
  byId("map").hidden = !pictures || !has(app.model, "map");
  if (!byId("map").hidden) app.map = map(app);
  await restore();
}

during(begun);
addEventListener("hashchange", () => during(restore));
