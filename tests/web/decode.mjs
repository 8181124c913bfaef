// node decode.mjs Z.json MODEL.safetensors...: the pictures that each model makes of each [z, what it is told], as JSON.
import { readFileSync } from "node:fs";
import { parse } from "../../genzoo/explore/web/engine.js";

const [codes, ...files] = process.argv.slice(2);
const zs = JSON.parse(readFileSync(codes, "utf8"));
const models = files.map((file) => parse(new Uint8Array(readFileSync(file)).buffer));
const told = (given) => given?.map((value) => value ?? NaN);
console.log(JSON.stringify(models.map((model) => zs.map(([z, given]) => Array.from(model.decode(z, told(given)))))));
