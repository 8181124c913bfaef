// Where a model computes: on the server that sent this page, or in the browser. Either way
//   told            what genzoo/explore/description.py says of the model
//   decode(codes, given)  an example for each code: bytes of a picture, or the numbers of a point
//   noise(seed, n)        codes from N(0, I)
//   encode(picture, given), gif(codes, given), sample(seed, n, given)  its code, a GIF, samples; only where a server
//                         computes

import { parse } from "./engine.js";
import { rowOf } from "./given.js";
import { Random } from "./random.js";

const carried = document.getElementById("carried"); // a page of one file has its files in itself
const files = carried && JSON.parse(carried.textContent);

/** The model of that name. */
export async function open(name, served) {
  const told = JSON.parse(new TextDecoder().decode(await read(`models/${name}.json`)));
  const pictures = told.shape.length === 3;
  for (const base of told.bases) {
    base.given = rowOf(base.given);
    for (const key of pictures ? ["pixels", "decoded"] : []) if (base[key]) base[key] = bytes(base[key]);
  }
  return { told, pictures, ...(served ? remote : local)(name, told, pictures) };
}

const product = (sizes) => sizes.reduce((a, b) => a * b);

function remote(name, { code, shape }, pictures) {
  const size = product(shape), latent = product(code ?? [1]), path = `models/${encodeURIComponent(name)}`;
  const examples = (buffer) => rows(new (pictures ? Uint8Array : Float32Array)(buffer), size);
  const codes = (buffer) => rows(new Float32Array(buffer), latent);
  const sent = (z, given) => Float32Array.from(z.flatMap((code) => [...code, ...given]));
  return {
    decode: async (z, given) => examples(await ask(`${path}/decode`, sent(z, given))),
    sample: async (seed, n, given) => examples(await ask(`${path}/sample?seed=${seed}&n=${n}`, Float32Array.from(given))),
    noise: async (seed, n) => codes(await ask(`${path}/noise?seed=${seed}&n=${n}`)),
    encode: async (picture, given) => codes(await ask(`${path}/encode`, new Blob([picture, Float32Array.from(given)])))[0],
    gif: async (z, given) => new Blob([await ask(`${path}/gif`, sent(z, given))]),
  };
}

function local(name, { code }, pictures) {
  const latent = product(code);
  const engine = read(`models/${name}.safetensors`).then(parse);
  engine.catch(() => {}); // whoever decodes is told
  const levels = (x) => new Uint8ClampedArray(x.map((value) => 255 * value)); // which rounds, as torch does
  return {
    async decode(z, given) {
      const { decode } = await engine;
      return z.map((code) => (pictures ? levels(decode(code, given)) : decode(code, given)));
    },
    noise: async (seed, n) => rows(new Random(seed).normals(n * latent), latent), // not torch's for the seed
  };
}

const rows = (values, width) =>
  Array.from({ length: values.length / width }, (_, i) => values.subarray(i * width, (i + 1) * width));

async function read(path) {
  return files ? bytes(files[path]).buffer : ask(path);
}

async function ask(path, body) {
  const response = await fetch(path, body && { method: "POST", body }).catch(() => null);
  if (!response) throw new Error("The server has stopped: start it again");
  if (response.ok) return response.arrayBuffer();
  const told = await response.json().catch(() => ({}));
  throw new Error(told.error ?? `${path}: ${response.status}`);
}

const bytes = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
