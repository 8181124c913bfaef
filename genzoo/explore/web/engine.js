// Runs a decoder in the browser: the list of operations that genzoo/explore/export.py writes, with nothing but
// JavaScript.
//
//   import { load } from "./engine.js";
//   const model = await load("vae-conv-mnist.safetensors");
//   model.name; model.latent; model.shape;      // "vae-conv-mnist", 32, [1, 28, 28]
//   const picture = model.decode(z);            // `latent` numbers -> Float32Array: what model.decode gives in Python
//   model.decode(z, picture);                   // the same into an array that is there already
//
// `parse(buffer)` is `load` of an ArrayBuffer, for a page that carries the file in itself. A file that cannot be read
// is an Error with the reason. All buffers are allocated once; a model decodes one z at a time.

/** The model in a file. */
export async function load(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return parse(await response.arrayBuffer());
}

/** The model in the bytes of a file. */
export function parse(buffer) {
  const { tensors, metadata } = readSafetensors(buffer);
  if (!metadata?.genzoo) throw new Error("these weights hold no list of operations; genzoo gallery writes such files");
  const { name, latent, shape, ops } = JSON.parse(metadata.genzoo);
  const values = [{ shape: [latent], data: new Float32Array(latent) }];
  const steps = [];
  for (const op of ops) {
    if (!(op.op in OPERATIONS)) throw new Error(`${name} uses ${op.op}, which is newer than this engine`);
    const [x, other] = op.of.map((number) => values[number]);
    const shared = op.op === "reshape";
    const y = { shape: op.shape, data: shared ? x.data : new Float32Array(product(op.shape)) };
    const tensor = (key) => tensors[op[key]];
    if (!shared) steps.push(OPERATIONS[op.op](x, y, op, tensor, other));
    values.push(y);
  }
  const input = values[0].data, output = values.at(-1).data;
  return {
    name,
    latent,
    shape,
    decode(z, picture = new Float32Array(output.length)) {
      if (z.length !== latent) throw new RangeError(`${name} decodes ${latent} numbers; got ${z.length}`);
      input.set(z);
      for (const step of steps) step();
      picture.set(output);
      return picture;
    },
  };
}

const product = (numbers) => numbers.reduce((a, b) => a * b, 1);

// Safetensors: the length of the header (8 bytes, little endian), the header (JSON), the bytes of the tensors.

function readSafetensors(buffer) {
  const length = buffer.byteLength < 8 ? Infinity : Number(new DataView(buffer).getBigUint64(0, true));
  if (length > buffer.byteLength - 8) throw new Error("this is no safetensors file");
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const { __metadata__: metadata, ...entries } = header;
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(entries)) {
    if (!(dtype in READERS)) throw new Error(`${name} is ${dtype}; the engine reads F32 and F16`);
    const bytes = buffer.slice(8 + length + begin, 8 + length + end); // a copy, which is aligned
    tensors[name] = { shape, data: READERS[dtype](bytes) };
  }
  return { tensors, metadata };
}

const READERS = { F32: (bytes) => new Float32Array(bytes), F16: readHalves };

/** Half-precision numbers: their bits in the places of a float's, whose exponent counts from 112 lower. */
function readHalves(bytes) {
  const halves = new Uint16Array(bytes), bits = new Uint32Array(halves.length), numbers = new Float32Array(bits.buffer);
  for (let i = 0; i < halves.length; i++) {
    bits[i] = ((halves[i] & 0x8000) << 16) | ((halves[i] & 0x7fff) << 13);
    numbers[i] *= 2 ** 112;
  }
  return numbers;
}

// The operations: each takes what it reads and writes, and returns the function that does it. x, y: {shape, data}.

const OPERATIONS = {
  linear,
  conv: (x, y, op, tensor) => convolution(x, y, op, tensor, false),
  conv_transpose: (x, y, op, tensor) => convolution(x, y, op, tensor, true),
  affine,
  add: (x, y, op, tensor, other) => () => {
    for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[i] + other.data[i];
  },
  upsample,
  pixel_shuffle: pixelShuffle,
  reshape: null, // another shape of the same numbers
  relu: elementwise(() => (v) => Math.max(v, 0)),
  leaky_relu: elementwise(({ slope }) => (v) => (v < 0 ? slope * v : v)),
  sigmoid: elementwise(() => (v) => 1 / (1 + Math.exp(-v))),
  tanh: elementwise(() => Math.tanh),
  softplus: elementwise(() => (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)))),
  clamp: elementwise(({ low, high }) => (v) => Math.min(Math.max(v, low ?? -Infinity), high ?? Infinity)),
};

function elementwise(make) {
  return (x, y, op) => {
    const apply = make(op);
    return () => {
      for (let i = 0; i < y.data.length; i++) y.data[i] = apply(x.data[i]);
    };
  };
}

/** scale · x + shift, with one pair for each channel. */
function affine(x, y, op, tensor) {
  const scale = tensor("scale").data, shift = tensor("shift").data, plane = y.data.length / scale.length;
  return () => {
    for (let channel = 0, i = 0; channel < scale.length; channel++) {
      for (const end = i + plane; i < end; i++) y.data[i] = scale[channel] * x.data[i] + shift[channel];
    }
  };
}

/** Each number becomes a block of equal ones. */
function upsample(x, y) {
  const [channels, height, width] = y.shape, [, fromHeight, fromWidth] = x.shape;
  return () => {
    for (let row = 0, i = 0; row < channels * height; row++) {
      const from = Math.floor((row * fromHeight) / height) * fromWidth;
      for (let column = 0; column < width; column++, i++) {
        y.data[i] = x.data[from + Math.floor((column * fromWidth) / width)];
      }
    }
  };
}

/** r² channels become one, r times as high and as wide: a place has a block of r × r, in the order of the channels. */
function pixelShuffle(x, y) {
  const [channels, height, width] = y.shape, [, fromHeight, fromWidth] = x.shape, r = height / fromHeight;
  return () => {
    for (let channel = 0, i = 0; channel < channels; channel++) {
      for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++, i++) {
          const from = ((channel * r + (row % r)) * r + (column % r)) * fromHeight + Math.floor(row / r);
          y.data[i] = x.data[from * fromWidth + Math.floor(column / r)];
        }
      }
    }
  };
}

/** y = W x + b, the weight stored (in, out): its rows are added up, and those of an x of 0, as a ReLU leaves many, left
 * out. */
function linear(x, y, op, tensor) {
  const weight = tensor("weight").data, bias = tensor("bias")?.data, terms = makeTerms(x.data.length);
  const window = { rows: 1, columns: y.data.length, toRow: 0, toStep: 1, fromRow: 0, fromStep: 1 };
  return () => {
    bias ? y.data.set(bias) : y.data.fill(0);
    terms.count = 0;
    x.data.forEach((value, i) => value !== 0 && addTerm(terms, i * y.data.length, value));
    accumulate(y.data, 0, weight, terms, window);
  };
}

/** A convolution or its transpose, the weight of both stored (out, in, height, width). A tap k of the kernel joins place i
 * of the smaller picture with place i · stride − padding + k of the larger; which of them is read tells the two apart. */
function convolution(x, y, op, tensor, transposed) {
  const { shape: [outputs, inputs, height, width], data: weight } = tensor("weight"), bias = tensor("bias")?.data;
  const [small, large] = transposed ? [x.shape, y.shape] : [y.shape, x.shape];
  const [stepY, stepX] = op.stride, [padY, padX] = op.padding;
  const taps = [];
  overlaps(small[1], large[1], height, stepY, padY).forEach((rows, ky) => {
    overlaps(small[2], large[2], width, stepX, padX).forEach((columns, kx) => {
      const ofSmall = { start: rows.small * small[2] + columns.small, row: small[2], step: 1 };
      const ofLarge = { start: rows.large * large[2] + columns.large, row: stepY * large[2], step: stepX };
      const [from, to] = transposed ? [ofSmall, ofLarge] : [ofLarge, ofSmall];
      const steps = { toRow: to.row, toStep: to.step, fromRow: from.row, fromStep: from.step };
      const window = { rows: rows.count, columns: columns.count, ...steps };
      taps.push({ weight: ky * width + kx, from: from.start, to: to.start, window });
    });
  });
  const terms = makeTerms(inputs), area = height * width;
  const planeX = x.shape[1] * x.shape[2], planeY = y.shape[1] * y.shape[2];
  return () => {
    for (let output = 0; output < outputs; output++) {
      y.data.fill(bias ? bias[output] : 0, output * planeY, (output + 1) * planeY);
      for (const tap of taps) {
        terms.count = 0;
        for (let input = 0, at = output * inputs * area + tap.weight; input < inputs; input++, at += area) {
          addTerm(terms, input * planeX + tap.from, weight[at]);
        }
        accumulate(y.data, output * planeY + tap.to, x.data, terms, tap.window);
      }
    }
  };
}

/** For each k of an axis of the kernel: how many places i lie in both pictures, and the first of them in either. */
function overlaps(small, large, kernel, stride, padding) {
  return Array.from({ length: kernel }, (_, k) => {
    const first = Math.max(0, Math.ceil((padding - k) / stride));
    const last = Math.min(small - 1, Math.floor((large - 1 + padding - k) / stride));
    return { count: last - first + 1, small: first, large: first * stride - padding + k };
  });
}

// A sum of windows: terms are where each begins in `from`, and its factor. Nearly all time is spent in `accumulate`.

function makeTerms(most) {
  return { count: 0, begin: new Int32Array(most + 3), factor: new Float64Array(most + 3) };
}

function addTerm(terms, begin, factor) {
  terms.begin[terms.count] = begin;
  terms.factor[terms.count++] = factor;
}

/** Add the terms to a window of `to`; four at a time, so that `to` is read and written for every fourth alone. */
function accumulate(to, start, from, terms, { rows, columns, toRow, toStep, fromRow, fromStep }) {
  while (terms.count % 4) addTerm(terms, terms.begin[0], 0);
  const { begin, factor, count } = terms, next = fromRow - columns * fromStep;
  for (let term = 0; term < count; term += 4) {
    const a = factor[term], b = factor[term + 1], c = factor[term + 2], d = factor[term + 3];
    let i = begin[term], j = begin[term + 1], k = begin[term + 2], l = begin[term + 3];
    for (let row = 0; row < rows; row++) {
      for (let at = start + row * toRow, end = at + columns * toStep; at < end; at += toStep) {
        to[at] += a * from[i] + b * from[j] + c * from[k] + d * from[l];
        i += fromStep;
        j += fromStep;
        k += fromStep;
        l += fromStep;
      }
      i += next; j += next; k += next; l += next;
    }
  }
}
