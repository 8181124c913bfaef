// Where a model computes: on the server that sent this page, or in the browser. Either way
//   told            what genzoo/explore/description.py says of the model
//   decode(codes)   an example for each code: bytes of a picture, or the numbers of a point
//   noise(seed, n)  codes from N(0, I)
//   encode(picture), gif(codes), sample(seed, n)  its code, a GIF of their pictures to and fro, and samples; only where a
//                   server computes

import { parse } from "./engine.js";
import { Random } from "./random.js";

const carried = document.getElementById("carried"); // a page of one file has its files in itself
const files = carried && JSON.parse(carried.textContent);

/** The model of that name. */
export async function open(name, served) {
  const told = JSON.parse(new TextDecoder().decode(await read(`models/${name}.json`)));
  const pictures = told.shape.length === 3;
  for (const base of pictures ? told.bases : []) {
    for (const key of ["pixels", "decoded"]) if (base[key]) base[key] = bytes(base[key]);
  }
  return { told, pictures, ...(served ? remote : local)(name, told, pictures) };
}

const product = (sizes) => sizes.reduce((a, b) => a * b);

function remote(name, { code, shape }, pictures) {
  const size = product(shape), latent = product(code ?? [1]), path = `models/${encodeURIComponent(name)}`;
  const examples = (buffer) => rows(new (pictures ? Uint8Array : Float32Array)(buffer), size);
  const codes = (buffer) => rows(new Float32Array(buffer), latent);
  const sent = (z) => Float32Array.from(z.flatMap((code) => [...code]));
  return {
    decode: async (z) => examples(await ask(`${path}/decode`, sent(z))),
    sample: async (seed, n) => examples(await ask(`${path}/sample?seed=${seed}&n=${n}`)),
    noise: async (seed, n) => codes(await ask(`${path}/noise?seed=${seed}&n=${n}`)),
    encode: async (picture) => codes(await ask(`${path}/encode`, picture))[0],
    gif: async (z) => new Blob([await ask(`${path}/gif`, sent(z))]),
  };
}

function local(name, { code }, pictures) {
  const latent = product(code);
  const engine = read(`models/${name}.safetensors`).then(parse);
  engine.catch(() => {}); // whoever decodes is told
  const levels = (x) => new Uint8ClampedArray(x.map((value) => 255 * value)); // which rounds, as torch does
  return {
    async decode(z) {
      const { decode } = await engine;
      return z.map((code) => (pictures ? levels(decode(code)) : decode(code)));
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
