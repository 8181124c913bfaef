// Where a model computes: on the server that sent this page, or in the browser. Either way
//   model.told                      what genzoo/explore/description.py says of it
//   await model.decode(codes)       n × latent numbers in one array -> n examples in one: bytes, or numbers of points
//   await model.noise(seed, n)      codes from N(0, I)
//   await model.encode(pixels)      codes of pictures in bytes; only where a server computes
//   await model.gif(codes)          the bytes of a GIF of pictures to and fro; likewise

import { parse } from "./engine.js";

const carried = document.getElementById("carried"); // a page of one file has its files in itself
const files = carried && JSON.parse(carried.textContent);

/** The model of that name. */
export async function open(name, served) {
  const told = JSON.parse(new TextDecoder().decode(await read(`models/${name}.json`)));
  for (const [of, keys] of [[told.bases, ["pixels", "codes", "decoded"]], [told.points ?? {}, ["codes"]]]) {
    for (const key of keys) if (of[key]) of[key] = unpacked(of[key], key === "codes" || told.shape.length < 3);
  }
  return { told, size: told.shape.reduce((a, b) => a * b), ...(served ? remote(name, told) : local(name, told)) };
}

function remote(name, { shape }) {
  const address = (verb) => `models/${encodeURIComponent(name)}/${verb}`;
  const codes = (bytes) => new Float32Array(bytes);
  const pictures = shape.length === 3;
  return {
    decode: async (z) => new (pictures ? Uint8Array : Float32Array)(await ask(address("decode"), z)),
    gif: (z) => ask(address("gif"), z),
    encode: async (pixels) => codes(await ask(address("encode"), pixels)),
    noise: async (seed, n) => codes(await ask(address(`noise?seed=${seed}&n=${n}`))),
  };
}

function local(name, { latent, shape }) {
  const size = shape.reduce((a, b) => a * b);
  const engine = read(`models/${name}.safetensors`).then(parse);
  engine.catch(() => {}); // whoever decodes is told
  return {
    async decode(z) {
      const { decode } = await engine;
      const n = z.length / latent, pictures = shape.length === 3, one = new Float32Array(size);
      const x = new (pictures ? Uint8ClampedArray : Float32Array)(n * size); // a clamped array rounds, as torch does
      for (let i = 0; i < n; i++) {
        decode(z.subarray(i * latent, (i + 1) * latent), one);
        x.set(pictures ? one.map((value) => value * 255) : one, i * size);
      }
      return x;
    },
    noise: async (seed, n) => normals(seed, n * latent),
  };
}

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

function bytes(base64) {
  const text = atob(base64), array = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) array[i] = text.charCodeAt(i);
  return array;
}

const unpacked = (base64, numbers) => (numbers ? new Float32Array(bytes(base64).buffer) : bytes(base64));

/** n draws from N(0, 1): mulberry32 and the transform of Box and Muller. Not torch's draws for the seed. */
function normals(seed, n) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return Float32Array.from({ length: n }, () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
}
