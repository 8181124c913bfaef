// node engine.mjs MODEL.safetensors: processor time in ms to read a model, for its first picture and, in the median of
// batches, for one of many; as JSON.
import { readFileSync } from "node:fs";
import { parse } from "../genzoo/explore/web/engine.js";

const BATCHES = 15, PICTURES = 20;

function milliseconds(action) {
  const before = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const { buffer } = new Uint8Array(readFileSync(process.argv[2]));
let model;
const read = milliseconds(() => (model = parse(buffer)));
const code = (i) => Float32Array.from({ length: model.latent }, (_, j) => Math.sin(7 * i + j));
const z = Array.from({ length: PICTURES }, (_, i) => code(i));
const first = milliseconds(() => model.decode(z[0]));
const batch = () => milliseconds(() => z.forEach((one) => model.decode(one))) / PICTURES;
for (let i = 0; i < 3; i++) batch();
const times = Array.from({ length: BATCHES }, batch).sort((a, b) => a - b);
console.log(JSON.stringify({ read, first, median: times[BATCHES >> 1] }));
