// Runs a decoder in the browser: the list of operations that genzoo/explore/export.py writes. Values lie in memory with
// their channels last, and all buffers are allocated once.

import { MORE } from "./operations.js";

/** The model in the bytes of a file: `decode(z, given)` gives what model.decode does in Python, in a Float32Array; `given`
 * has the numbers of all columns. */
export function parse(buffer) {
  const { tensors, metadata } = readSafetensors(buffer);
  if (!metadata?.genzoo) throw new Error("these weights hold no list of operations; genzoo gallery writes such files");
  const { name, latent, shape, given: columns = [], ops } = JSON.parse(metadata.genzoo);
  const flat = { op: "reshape", of: [columns.length + ops.length], shape: [product(shape)] };
  const values = [value([latent]), ...columns.map(({ length }) => value([length]))];
  const steps = [...ops, flat].map((op) => {
    const write = OPERATIONS[op.op] ?? MORE[op.op];
    if (!write) throw new Error(`${name} uses ${op.op}, which this engine does not have`);
    const y = value(op.shape), given = op.of.map((number) => values[number]);
    values.push(y);
    return write({ ...op, tensor: (key) => tensors[op[key]] }, y, ...given);
  });
  const untold = columns.flat().map((number) => number ?? NaN);
  const decode = (z, given = untold) => {
    if (z.length !== latent) throw new RangeError(`${name} decodes ${latent} numbers; got ${z.length}`);
    values[0].data.set(z);
    let at = 0;
    columns.forEach(({ length }, i) => values[i + 1].data.set(given.slice(at, (at += length))));
    for (const step of steps) step();
    return values.at(-1).data.slice();
  };
  return { name, latent, shape, decode };
}

const product = (numbers) => numbers.reduce((a, b) => a * b, 1);

function value([channels = 1, height = 1, ...rest]) {
  const width = product(rest);
  return { channels, height, width, data: new Float32Array(channels * height * width) };
}

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

// The operations: each takes its settings, what it writes and what it reads, and returns the function that does it.

const OPERATIONS = {
  conv: (op, y, x) => convolution(op, y, x, y, x),
  conv_transpose: (op, y, x) => convolution(op, y, x, x, y),
  affine: each(({ tensor }, x) => {
    const scale = tensor("scale").data, shift = tensor("shift").data, channels = scale.length;
    return (i) => scale[i % channels] * x[i] + shift[i % channels];
  }),
  add: each((op, x, other) => (i) => x[i] + other[i % other.length]), // the other may have one number for each channel
  multiply: each((op, x, other) => (i) => x[i] * other[i % other.length]),
  divide: each((op, x, other) => (i) => x[i] / other[i % other.length]),
  embedding: each(({ tensor }, x) => {
    const { shape: [, width], data } = tensor("weight");
    return (i) => data[x[i % x.length] * width + Math.floor(i / x.length)];
  }),
  sum: (op, y, { channels, data }) => () => {
    y.data.fill(0);
    data.forEach((x, i) => (y.data[Math.floor(i / channels)] += x));
  },
  all: (op, y, { data }) => () => (y.data[0] = data.every(Boolean)),
  isnan: each((op, x) => (i) => Number.isNaN(x[i])),
  less: each(({ other }, x) => (i) => x[i] < other),
  nan_to_num: each((op, x) => (i) => x[i] || 0),
  concatenate: (op, y, ...read) => () => { // of channels
    let first = 0;
    for (const { channels, data } of read) {
      for (let i = 0; i < data.length; i++) y.data[Math.floor(i / channels) * y.channels + first + (i % channels)] = data[i];
      first += channels;
    }
  },
  slice: ({ start }, y, x) => each(() => (i) => x.data[place(x, start + (i % y.channels), 0, i / y.channels)])({}, y),
  group_norm: ({ groups, epsilon }, y, { channels, data }) => () => {
    const size = channels / groups, count = data.length / groups;
    for (let group = 0; group < groups; group++) {
      const numbers = (visit) => {
        for (let at = group * size; at < data.length; at += channels) for (let i = at; i < at + size; i++) visit(i);
      };
      let mean = 0, variance = 0;
      numbers((i) => (mean += data[i] / count));
      numbers((i) => (variance += (data[i] - mean) ** 2 / count));
      const scale = 1 / Math.sqrt(variance + epsilon);
      numbers((i) => (y.data[i] = (data[i] - mean) * scale));
    }
  },
  relu: each((op, x) => (i) => Math.max(x[i], 0)),
  leaky_relu: each(({ slope }, x) => (i) => (x[i] < 0 ? slope * x[i] : x[i])),
  elu: each(({ alpha }, x) => (i) => (x[i] < 0 ? alpha * Math.expm1(x[i]) : x[i])),
  gelu: each(({ tanh }, x) => (i) => (x[i] / 2) * (1 + (tanh ? tanhOfCube(x[i]) : erf(x[i] / Math.SQRT2)))),
  silu: each((op, x) => (i) => x[i] / (1 + Math.exp(-x[i]))),
  sigmoid: each((op, x) => (i) => 1 / (1 + Math.exp(-x[i]))),
  tanh: each((op, x) => (i) => Math.tanh(x[i])),
  softplus: each((op, x) => (i) => Math.max(x[i], 0) + Math.log1p(Math.exp(-Math.abs(x[i])))),
  clamp: each(({ low, high }, x) => (i) => Math.min(Math.max(x[i], low ?? -Infinity), high ?? Infinity)),
  reshape: gathering((y, x, channel, row, column) => { // the same order of the numbers, channels first
    const number = (channel * y.height + row) * y.width + column, plane = x.height * x.width;
    return (number % plane) * x.channels + Math.floor(number / plane);
  }),
  upsample: gathering((y, x, channel, row, column) =>
    place(x, channel, (row * x.height) / y.height, (column * x.width) / y.width)),
  bilinear: ({ align }, y, x) => {
    const rows = neighbours(x.height, y.height, align), columns = neighbours(x.width, y.width, align);
    return each(() => (i) => {
      const at = Math.floor(i / y.channels), row = rows[Math.floor(at / y.width)], column = columns[at % y.width];
      const along = (r) => mix(column, (c) => x.data[place(x, i % y.channels, r, c)]);
      return mix(row, along);
    })({}, y);
  },
  pixel_shuffle: gathering((y, x, channel, row, column) => { // r² channels become a block of r × r places
    const r = y.height / x.height;
    return place(x, (channel * r + (row % r)) * r + (column % r), row / r, column / r);
  }),
};

/** `make` gives what computes number i of y from the numbers read. */
function each(make) {
  return (op, y, ...read) => {
    const compute = make(op, ...read.map(({ data }) => data));
    return () => {
      for (let i = 0; i < y.data.length; i++) y.data[i] = compute(i);
    };
  };
}

/** Where each of `to` places along an axis lies between two of `from` places. */
function neighbours(from, to, align) {
  return Array.from({ length: to }, (_, i) => {
    const at = align ? (i * (from - 1)) / Math.max(to - 1, 1) : Math.max(((i + 0.5) * from) / to - 0.5, 0);
    const low = Math.floor(at);
    return { low, high: Math.min(low + 1, from - 1), share: at - low };
  });
}

const mix = ({ low, high, share }, value) => value(low) * (1 - share) + value(high) * share;

/** The error function within 1.5e-7 (Abramowitz & Stegun 7.1.26). */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}

/** What GELU's approximation has in the place of erf (Hendrycks & Gimpel 2016). */
const tanhOfCube = (x) => Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));

const place = (x, channel, row, column) => (Math.floor(row) * x.width + Math.floor(column)) * x.channels + channel;

/** Each number of y is one of x: `where(y, x, channel, row, column)` tells which. */
function gathering(where) {
  return (op, y, x) => {
    const from = Int32Array.from(y.data, (_, i) => {
      const at = Math.floor(i / y.channels);
      return where(y, x, i % y.channels, Math.floor(at / y.width), at % y.width);
    });
    return each(() => (i) => x.data[from[i]])(op, y);
  };
}

/** A convolution or its transpose, the weight stored (height, width, in, out). A tap k of the kernel joins place i of
 * the smaller picture with place i · stride − padding + k of the larger; which is read tells the two apart. */
function convolution({ tensor, stride, padding }, y, x, small, large) {
  const { shape: [height, width, inputs, outputs], data: weight } = tensor("weight"), bias = tensor("bias")?.data;
  const rows = joints(small.height, large.height, height, stride[0], padding[0]);
  const columns = joints(small.width, large.width, width, stride[1], padding[1]);
  return () => {
    for (let i = 0; i < y.data.length; i++) y.data[i] = bias ? bias[i % outputs] : 0;
    for (const row of rows) {
      for (const column of columns) {
        const near = row.small * small.width + column.small, far = row.large * large.width + column.large;
        const [to, from] = y === small ? [near, far] : [far, near];
        const at = (row.tap * width + column.tap) * inputs * outputs;
        addProduct(y.data, to * outputs, outputs, x.data, from * inputs, inputs, weight, at);
      }
    }
  };
}

/** What a kernel joins along one axis. */
function joints(smaller, larger, kernel, stride, padding) {
  const all = [];
  for (let small = 0; small < smaller; small++) {
    for (let tap = 0; tap < kernel; tap++) {
      const large = small * stride - padding + tap;
      if (large >= 0 && large < larger) all.push({ small, large, tap });
    }
  }
  return all;
}

/** Add to y the product of x and a matrix stored (in, out). Nearly all time is spent here; an x of 0, as a ReLU leaves
 * many, is left out. */
function addProduct(y, to, outputs, x, from, inputs, weight, at) {
  for (let i = 0; i < inputs; i++, at += outputs) {
    const factor = x[from + i];
    if (factor === 0) continue;
    for (let o = 0; o < outputs; o++) y[to + o] += factor * weight[at + o];
  }
}
