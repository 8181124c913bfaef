// The page of the GAN on a line: controls, the plot, and what is to be seen in words.

import { byId, number } from "./dom.js";
import { DATA, Gan, density, moments } from "./gan1d-model.js";
import { Random } from "./random.js";

const SPEEDS = [1 / 60, 1 / 15, 1 / 4, 1, 4, 1e6]; // steps of each in a frame; at last as many as time allows
const BUSY = 12; // ms of training in a frame at most, so that the page stays quick to the hand
const REACH = 4, BINS = 64; // the line from −4 to 4, and its histogram
const NOISE = new Random(2 ** 31).normals(2000); // always the same, so that each number of G can be seen to move
const SHOWN = 60; // of data and of G's numbers, as points
const GRID = Float64Array.from({ length: 241 }, (_, i) => REACH * (i / 120 - 1));

const canvas = byId("plot"), pen = canvas.getContext("2d"), LEFT = 34;
let gan, steps, sample, running = false, owed = 0;

function reset() {
  const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;
  const data = chosen("data"), seed = Number(byId("seed").value) || 0;
  gan = new Gan({ data, loss: chosen("loss"), seed });
  steps = { d: 0, g: 0 };
  sample = new Gan({ data, seed: seed + 1 }).real(NOISE.length);
  show();
}

function step(player) {
  steps[player]++;
  player === "d" ? gan.stepDiscriminator() : gan.stepGenerator();
}

const speed = () => SPEEDS[byId("speed").value];

function showSpeed() {
  const words = speed() < 1e6 ? `${60 * speed()} steps a second` : "as fast as it goes";
  byId("speed-shown").value = words;
  byId("speed").ariaValueText = words;
}

function setRunning(on) {
  running = on;
  byId("run").textContent = on ? "Pause" : "Run";
  byId("state").ariaLive = on ? "off" : "polite"; // not read out in each frame
  if (on) requestAnimationFrame(frame);
}

function frame() {
  if (!running) return;
  const until = performance.now() + BUSY, before = steps.d;
  for (owed = (owed % 1) + speed(); owed >= 1 && performance.now() < until; owed--) ["d", "g"].forEach(step);
  if (steps.d > before) show();
  requestAnimationFrame(frame);
}

function show() {
  const fakes = gan.generate(NOISE), words = describe(fakes);
  draw(fakes);
  byId("state").textContent = words;
  canvas.ariaLabel = `Three plots over one line from −4 to 4: D(x), densities, points. ${words}`;
}

/** What is to be seen, in words. */
function describe(fakes) {
  const judged = (x) => number(moments(gan.discriminate(x)).mean);
  const about = (name, x) => `${name} about ${number(moments(x).mean)}, ${number(moments(x).deviation)} wide`;
  const told =
    `After ${steps.d} steps of D and ${steps.g} of G, ${about("G's numbers lie", fakes)}, ${about("data", sample)}. ` +
    `D gives data ${judged(sample)} and G's numbers ${judged(fakes)} on average. `;
  if (gan.data !== DATA.two) return told;
  const left = Math.round((100 * fakes.filter((x) => x < 0).length) / fakes.length);
  const collapsed = steps.g >= 200 && Math.min(left, 100 - left) < 5 ? "One bump is missed: the mode has collapsed." : "";
  return `${told}${left} % of them lie on the left, where half of the data are. ${collapsed}`;
}

const right = () => canvas.clientWidth - 8;
const x = (value) => LEFT + ((value + REACH) / (2 * REACH)) * (right() - LEFT);

/** Three panels over one line: D(x), the densities, points. */
function draw(fakes) {
  const ratio = devicePixelRatio;
  Object.assign(canvas, { width: canvas.clientWidth * ratio, height: canvas.clientHeight * ratio }); // and wipe it
  pen.scale(ratio, ratio);
  Object.assign(pen, { font: "13px system-ui, sans-serif", lineWidth: 2.5 });
  drawCritic(26, 136);
  drawDensities(176, 336, fakes);
  drawPoints(sample, "○", "real", 384);
  drawPoints(fakes, "▲", "fake", 412);
  text("real ○", LEFT, 370, "real");
  text("G's ▲", LEFT, 434, "fake");
  for (let value = -REACH; value <= REACH; value += 2) text(number(value, 0), x(value), 456, "soft", "center");
}

/** Draw in the colour of a class of the page's. */
function ink(name, alpha = 1) {
  pen.strokeStyle = pen.fillStyle = getComputedStyle(document.querySelector(`.${name}`)).color;
  pen.globalAlpha = alpha;
}

function text(words, left, bottom, name, align = "left") {
  ink(name);
  pen.textAlign = align;
  pen.fillText(words, left, bottom);
}

function level(y) {
  ink("soft", 0.25);
  pen.fillRect(LEFT, Math.round(y), right() - LEFT, 1);
}

/** The path of a function whose values on GRID are given. */
function curve(y, values) {
  const path = new Path2D();
  values.forEach((value, i) => path.lineTo(x(GRID[i]), y(value)));
  return path;
}

function drawCritic(top, bottom) {
  const y = (value) => bottom - value * (bottom - top);
  for (const [value, label] of [[0, "0"], [0.5, "½"], [1, "1"]]) {
    level(y(value));
    text(label, LEFT - 8, y(value) + 4, "soft", "right");
  }
  text("D(x): how likely x is real", LEFT, top - 10, "critic");
  pen.stroke(curve(y, gan.discriminate(GRID)));
}

function drawDensities(top, bottom, fakes) {
  const data = GRID.map((value) => density(gan.data, value)), most = 1.5 * Math.max(...data);
  const y = (value) => bottom - Math.min(value / most, 1) * (bottom - top), path = curve(y, data);
  const counts = new Float64Array(BINS), wide = (2 * REACH) / BINS;
  for (const value of fakes) counts[Math.floor((value + REACH) / wide)]++; // beyond the line there is no bin
  ink("fake", 0.75);
  counts.forEach((count, i) => {
    const high = y(count / fakes.length / wide);
    pen.fillRect(x(i * wide - REACH), high, x(wide) - x(0) - 0.6, bottom - high);
  });
  ink("real", 0.18);
  pen.fill(path);
  text("density of the data", LEFT, top - 10, "real");
  pen.stroke(path);
  text("G's numbers, counted", right(), top - 10, "fake", "right");
}

function drawPoints(values, sign, name, y) {
  level(y);
  for (const value of values.subarray(0, SHOWN)) text(sign, x(value), y + 5, name, "center");
}

for (const player of ["d", "g"]) {
  byId(`step-${player}`).onclick = () => {
    step(player);
    show();
  };
}
byId("run").onclick = () => setRunning(!running);
byId("reset").onclick = () => {
  setRunning(false);
  reset();
};
byId("speed").oninput = showSpeed;
byId("settings").onchange = ({ target }) => target.id !== "speed" && reset();
matchMedia("(prefers-color-scheme: dark)").onchange = show;
new ResizeObserver(show).observe(canvas);

showSpeed();
reset();
document.body.dataset.ready = "true";
