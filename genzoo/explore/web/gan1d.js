// The page of the GAN on a line: controls, numbers, and the picture.

import { DATA, Gan, Random, density, moments } from "./gan1d-model.js";

const SPEEDS = [1, 4, 16, 64, 256, 1e6]; // steps of D and of G in a second; the last is as many as there is time for
const BUSY = 12; // ms of training in a frame at most, so that the page stays quick to the hand
const REACH = 4; // the line from −4 to 4
const BINS = 64;
const NOISE = new Random(2 ** 31).normals(2000); // always the same, so that each number of G can be seen to move
const SHOWN = 60; // of data and of G's numbers, as points
const GRID = Float64Array.from({ length: 241 }, (_, i) => REACH * (i / 120 - 1));

const $ = (id) => document.getElementById(id);
const canvas = $("plot");
let gan, steps, sample, running = false, owed = 0, before = 0, spoken = 0;

function reset() {
  const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;
  const seed = Number($("seed").value) || 0;
  gan = new Gan({ data: chosen("data"), loss: chosen("loss"), seed });
  steps = { d: 0, g: 0 };
  sample = new Gan({ data: chosen("data"), seed: seed + 1 }).real(NOISE.length);
  show(true);
}

function stepD() {
  gan.stepDiscriminator();
  steps.d++;
}

function stepG() {
  gan.stepGenerator();
  steps.g++;
}

function speed() {
  return SPEEDS[$("speed").value];
}

function showSpeed() {
  const words = speed() < 1e6 ? `${speed()} steps a second` : "as fast as it goes";
  $("speed-shown").value = words;
  $("speed").setAttribute("aria-valuetext", words);
}

function setRunning(on) {
  running = on;
  $("run").textContent = on ? "Pause" : "Run";
  owed = 0;
  before = performance.now();
  if (on) requestAnimationFrame(frame);
  else show(true);
}

function frame(now) {
  if (!running) return;
  owed = Math.min(owed + ((now - before) / 1000) * speed(), speed());
  before = now;
  const until = performance.now() + BUSY;
  let done = 0;
  for (; owed >= 1 && performance.now() < until; owed--, done++) {
    stepD();
    stepG();
  }
  if (done) show(now - spoken > 2000);
  requestAnimationFrame(frame);
}

/** Draw and print; `speak`: renew the description too, which is not done in each frame. */
function show(speak) {
  const fakes = gan.generate(NOISE);
  const dReal = moments(gan.discriminate(sample)), dFake = moments(gan.discriminate(fakes));
  const found = moments(fakes), wanted = moments(sample);
  $("steps").textContent = `${steps.d.toLocaleString("en")}, ${steps.g.toLocaleString("en")}`;
  $("d-real").textContent = dReal.mean.toFixed(2);
  $("d-fake").textContent = dFake.mean.toFixed(2);
  $("mean").textContent = `${signed(found.mean)} (data ${signed(wanted.mean)})`;
  $("deviation").textContent = `${found.deviation.toFixed(2)} (data ${wanted.deviation.toFixed(2)})`;
  draw(fakes);
  if (!speak) return;
  spoken = performance.now();
  const sentence = describe(fakes, dReal.mean, dFake.mean);
  canvas.setAttribute("aria-label", `Three plots over one line from −4 to 4: D(x), densities, points. ${sentence}`);
  if (!running) $("state").textContent = sentence;
}

function signed(value) {
  return value.toFixed(2).replace("-", "−");
}

/** What is to be seen, in words. */
function describe(fakes, dReal, dFake) {
  const { mean, deviation } = moments(fakes);
  const told =
    `After ${steps.d} steps of D and ${steps.g} of G, G's numbers lie about ${signed(mean)}, ` +
    `${deviation.toFixed(2)} wide. D gives data ${dReal.toFixed(2)} and G's numbers ${dFake.toFixed(2)} on average. `;
  if (gan.data !== DATA.two) return told;
  const left = Math.round((100 * fakes.filter((x) => x < 0).length) / fakes.length);
  const share = `${left} % of them lie on the left, where half of the data are. `;
  const collapsed = steps.g >= 200 && Math.min(left, 100 - left) < 5;
  return told + share + (collapsed ? "One bump is missed: the mode has collapsed." : "");
}

/** Three panels over one line: D(x), the densities, points. */
function draw(fakes) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "13px system-ui, sans-serif";
  const inner = { left: 34, right: width - 8 };
  const x = (value) => inner.left + ((value + REACH) / (2 * REACH)) * (inner.right - inner.left);
  drawCritic(pen, x, inner, { top: 26, bottom: 136 });
  drawDensities(pen, x, inner, { top: 176, bottom: 336 }, fakes);
  drawPoints(pen, x, inner, fakes);
}

const styles = getComputedStyle(document.documentElement);
const colour = (name) => styles.getPropertyValue(`--${name}`);

function text(pen, words, x, y, name = "soft", align = "left") {
  pen.fillStyle = colour(name);
  pen.textAlign = align;
  pen.fillText(words, x, y);
}

function level(pen, inner, y, name, dashes = []) {
  pen.strokeStyle = colour(name);
  pen.lineWidth = 1;
  pen.setLineDash(dashes);
  pen.beginPath();
  pen.moveTo(inner.left, Math.round(y) + 0.5);
  pen.lineTo(inner.right, Math.round(y) + 0.5);
  pen.stroke();
  pen.setLineDash([]);
}

function curve(pen, x, y, values, name, fill) {
  pen.beginPath();
  values.forEach((value, i) => pen.lineTo(x(GRID[i]), y(value)));
  pen.strokeStyle = pen.fillStyle = colour(name);
  pen.lineWidth = 2.5;
  pen.stroke();
  if (!fill) return;
  pen.lineTo(x(REACH), y(0));
  pen.lineTo(x(-REACH), y(0));
  pen.globalAlpha = 0.18;
  pen.fill();
  pen.globalAlpha = 1;
}

function drawCritic(pen, x, inner, { top, bottom }) {
  const y = (value) => bottom - value * (bottom - top);
  for (const [value, label] of [[0, "0"], [0.5, "½"], [1, "1"]]) {
    level(pen, inner, y(value), value === 0.5 ? "soft" : "grid", value === 0.5 ? [6, 5] : []);
    text(pen, label, inner.left - 8, y(value) + 4, "soft", "right");
  }
  text(pen, "D(x): how likely x is real", inner.left, top - 10, "critic");
  curve(pen, x, y, gan.discriminate(GRID), "critic");
}

function drawDensities(pen, x, inner, { top, bottom }, fakes) {
  const data = GRID.map((value) => density(gan.data, value));
  const most = 1.5 * Math.max(...data), y = (value) => bottom - Math.min(value / most, 1) * (bottom - top);
  const counts = new Float64Array(BINS), wide = (2 * REACH) / BINS;
  for (const value of fakes) counts[Math.floor((value + REACH) / wide)]++; // beyond the line there is no bin
  pen.fillStyle = colour("fake");
  pen.globalAlpha = 0.75;
  counts.forEach((count, i) => {
    const from = x(i * wide - REACH), high = y(count / fakes.length / wide);
    if (count) pen.fillRect(from, high, x((i + 1) * wide - REACH) - from - 0.6, bottom - high);
  });
  pen.globalAlpha = 1;
  curve(pen, x, y, data, "real", true);
  level(pen, inner, bottom, "line");
  text(pen, "density of the data", inner.left, top - 10, "real");
  text(pen, "G's numbers, counted", inner.right, top - 10, "fake", "right");
}

function drawPoints(pen, x, inner, fakes) {
  level(pen, inner, 384, "line");
  level(pen, inner, 412, "line");
  pen.strokeStyle = colour("real");
  pen.fillStyle = colour("fake");
  pen.lineWidth = 1.5;
  for (let i = 0; i < SHOWN; i++) {
    pen.beginPath();
    pen.arc(x(sample[i]), 384, 4, 0, 2 * Math.PI);
    pen.stroke();
    const at = x(fakes[i]);
    pen.beginPath();
    pen.moveTo(at, 406);
    pen.lineTo(at - 5, 416);
    pen.lineTo(at + 5, 416);
    pen.fill();
  }
  text(pen, "real ○", inner.left, 370, "real");
  text(pen, "G's ▲", inner.left, 434, "fake");
  for (let value = -REACH; value <= REACH; value += 2) {
    text(pen, String(value).replace("-", "−"), x(value), 456, "soft", "center");
  }
}

$("run").addEventListener("click", () => setRunning(!running));
$("step-d").addEventListener("click", stepD);
$("step-g").addEventListener("click", stepG);
for (const id of ["step-d", "step-g"]) $(id).addEventListener("click", () => show(true));
$("reset").addEventListener("click", () => {
  setRunning(false);
  reset();
});
$("speed").addEventListener("input", showSpeed);
$("seed").addEventListener("change", reset);
document.querySelectorAll("input[type=radio]").forEach((input) => input.addEventListener("change", reset));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show(false));
new ResizeObserver(() => show(false)).observe(canvas);

showSpeed();
reset();
document.body.dataset.ready = "true";
