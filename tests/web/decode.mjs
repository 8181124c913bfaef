// node decode.mjs MODEL.safetensors Z.json: the pictures of each z, as JSON.
import { readFileSync } from "node:fs";
import { parse } from "../../genzoo/explore/web/engine.js";

const [file, codes] = process.argv.slice(2);
const model = parse(new Uint8Array(readFileSync(file)).buffer);
console.log(JSON.stringify(JSON.parse(readFileSync(codes, "utf8")).map((z) => Array.from(model.decode(z)))));
