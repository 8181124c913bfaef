// The engine against values worked out by hand, and against the definition of a convolution.

import assert from "node:assert/strict";
import test from "node:test";

import { parse } from "../../genzoo/explore/web/engine.js";

/** A safetensors file of tensors: {name: [shape, numbers]} in float32, or {name: [shape, Uint8Array, dtype]}. */
function safetensors(tensors, metadata) {
  const header = metadata ? { __metadata__: metadata } : {};
  const parts = [];
  let at = 0;
  for (const [name, [shape, numbers, dtype = "F32"]] of Object.entries(tensors)) {
    const bytes = dtype === "F32" ? new Uint8Array(Float32Array.from(numbers).buffer) : numbers;
    header[name] = { dtype, shape, data_offsets: [at, (at += bytes.length)] };
    parts.push(bytes);
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(new BigUint64Array([BigInt(text.length)]).buffer);
  return Uint8Array.from([...length, ...text, ...parts.flatMap((part) => [...part])]).buffer;
}

/** The model of operations that follow each other. */
function chain(latent, ops, tensors = {}) {
  const of = (op, i) => ({ of: [i], ...op });
  const shape = ops.at(-1).shape;
  return safetensors(tensors, { genzoo: JSON.stringify({ name: "test", latent, shape, ops: ops.map(of) }) });
}

function run(z, ops, tensors) {
  return Array.from(parse(chain(z.length, ops, tensors)).decode(z));
}

function close(found, wanted, tolerance = 1e-6) {
  assert.equal(found.length, wanted.length);
  found.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) <= tolerance, `${i}: ${value}, not ${wanted[i]}`));
}

test("a linear layer, which is a convolution of one place, with and without a bias, and with zeros among its inputs", () => {
  const weight = [[1, 1, 5, 2], [1, 10, 2, 20, 3, 30, 4, 40, 5, 50]];
  const op = { op: "conv", shape: [2], weight: "w", stride: [1, 1], padding: [0, 0] };
  assert.deepEqual(run([1, 0, -1, 2, 0.5], [op], { w: weight }), [8.5, 85]);
  assert.deepEqual(run([0, 0, 0, 0, 0], [{ ...op, bias: "b" }], { w: weight, b: [[2], [7, 8]] }), [7, 8]);
  assert.deepEqual(run([1, 1, 1, 1, 1], [{ ...op, bias: "b" }], { w: weight, b: [[2], [7, 8]] }), [22, 158]);
});

test("the activations", () => {
  const z = [-100, -1, 0, 0.5, 100];
  const of = (op, more) => run(z, [{ op, shape: [5], ...more }]);
  assert.deepEqual(of("relu"), [0, 0, 0, 0.5, 100]);
  close(of("leaky_relu", { slope: 0.2 }), [-20, -0.2, 0, 0.5, 100]);
  close(of("sigmoid"), [0, 0.26894142, 0.5, 0.62245933, 1]);
  close(of("tanh"), [-1, -0.76159416, 0, 0.46211716, 1]);
  close(of("softplus"), [0, 0.31326169, 0.69314718, 0.97407698, 100]);
  assert.deepEqual(of("clamp", { low: -1, high: null }), [-1, -1, 0, 0.5, 100]);
  assert.deepEqual(of("clamp", { low: null, high: 0.5 }), [-100, -1, 0, 0.5, 0.5]);
  close(of("elu", { alpha: 0.5 }), [-0.5, -0.31606028, 0, 0.5, 100]);
  close(of("silu"), [0, -0.26894142, 0, 0.31122967, 100]);
  close(of("gelu", { tanh: false }), [0, -0.15865525, 0, 0.34573123, 100]);
  close(of("gelu", { tanh: true }), [0, -0.15880801, 0, 0.34571401, 100]);
});

test("a scale and a shift, of each channel or of all", () => {
  const op = { op: "affine", shape: [2, 1, 2], scale: "a", shift: "b" }, planes = { op: "reshape", shape: [2, 1, 2] };
  const two = { a: [[2], [1, 10]], b: [[2], [0, -1]] };
  assert.deepEqual(run([1, 2, 3, 4], [planes, op], two), [1, 2, 29, 39]);
  assert.deepEqual(run([1, 2, 3, 4], [planes, op], { a: [[1], [2]], b: [[1], [1]] }), [3, 5, 7, 9]);
});

test("upsampling repeats rows and columns", () => {
  const ops = [{ op: "reshape", shape: [2, 1, 2] }, { op: "upsample", shape: [2, 2, 4] }];
  assert.deepEqual(run([1, 2, 3, 4], ops), [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
});

test("bilinear upsampling: between the middles of places, and between corners", () => {
  const planes = { op: "reshape", shape: [2, 1, 3] }, z = [0, 1, 3, 0, 10, 30];
  const wider = run(z, [planes, { op: "bilinear", shape: [2, 1, 6], align: false }]);
  close(wider.slice(0, 6), [0, 0.25, 0.75, 1.5, 2.5, 3]);
  close(wider.slice(6), [0, 2.5, 7.5, 15, 25, 30], 1e-5);
  close(run(z, [planes, { op: "bilinear", shape: [2, 1, 5], align: true }]).slice(0, 5), [0, 0.5, 1, 2, 3]);
  close(run(z, [planes, { op: "bilinear", shape: [2, 1, 1], align: true }]), [0, 0]);
  const both = [{ op: "reshape", shape: [1, 2, 2] }, { op: "bilinear", shape: [1, 3, 3], align: true }];
  close(run([1, 3, 5, 7], both), [1, 2, 3, 3, 4, 5, 5, 6, 7]);
});

test("groups of channels are normalised over all their places", () => {
  const ops = [{ op: "reshape", shape: [4, 1, 2] }, { op: "group_norm", shape: [4, 1, 2], groups: 2, epsilon: 0 }];
  const root = Math.sqrt(5); // 1, 3, 5, 7 have mean 4 and variance 5
  close(run([1, 3, 5, 7, 20, 0, 0, 20], ops), [-3 / root, -1 / root, 1 / root, 3 / root, 1, -1, -1, 1]);
  close(run([2, 2, 2, 2, 2, 2, 2, 2], [ops[0], { ...ops[1], epsilon: 1 }]), Array(8).fill(0));
});

test("channels of several values follow each other", () => {
  const planes = { op: "reshape", shape: [2, 1, 2] }, negative = { op: "affine", shape: [2, 1, 2], scale: "a", shift: "b" };
  const joined = { op: "concatenate", of: [1, 2, 1], shape: [6, 1, 2] };
  const numbers = run([1, 2, 3, 4], [planes, negative, joined], { a: [[1], [-1]], b: [[1], [0]] });
  assert.deepEqual(numbers, [1, 2, 3, 4, -1, -2, -3, -4, 1, 2, 3, 4]);
});

test("products and sums with a value of the same shape, or with one number for each channel", () => {
  const planes = { op: "reshape", of: [0], shape: [2, 1, 2] };
  const pick = { op: "conv", of: [0], shape: [2], weight: "w", stride: [1, 1], padding: [0, 0] }; // z0 and 10 z1
  const of = (op, pair) => run([1, 2, 3, 4], [planes, pick, { op, of: pair, shape: [2, 1, 2] }], { w: [[1, 1, 4, 2], [1, 0, 0, 10, 0, 0, 0, 0]] });
  assert.deepEqual(of("multiply", [1, 1]), [1, 4, 9, 16]);
  assert.deepEqual(of("multiply", [1, 2]), [1, 2, 60, 80]);
  assert.deepEqual(of("add", [1, 2]), [2, 3, 23, 24]);
});

test("what is told: rows of a table, NaN for nothing, and sums over words", () => {
  const w = [[4, 2], [1, 10, 2, 20, 3, 30, 4, 40]], untold = [[3, 3], [null]];
  const ops = [
    { op: "embedding", of: [1], shape: [2, 2], weight: "w" },
    { op: "less", of: [1], shape: [2], other: 3 },
    { op: "reshape", of: [4], shape: [2, 1] },
    { op: "multiply", of: [3, 5], shape: [2, 2] },
    { op: "sum", of: [6], shape: [2] },
    { op: "sum", of: [5], shape: [1] },
    { op: "divide", of: [7, 8], shape: [2] },
    { op: "isnan", of: [2], shape: [1] },
    { op: "all", of: [4], shape: [1] },
    { op: "nan_to_num", of: [2], shape: [1] },
    { op: "concatenate", of: [0, 9, 10, 11, 12], shape: [6] },
  ];
  const header = { name: "test", latent: 1, shape: [6], given: untold, ops };
  const model = parse(safetensors({ w }, { genzoo: JSON.stringify(header) }));
  assert.deepEqual([...model.decode([5], [0, 2, -7])], [5, 2, 20, 0, 1, -7]);
  assert.deepEqual([...model.decode([5], [1, 3, NaN])], [5, 2, 20, 1, 0, 0]);
  assert.deepEqual([...model.decode([5])].map((value) => value || 0), [5, 0, 0, 1, 0, 0]); // no word, so 0 / 0
});

test("channels become blocks of places", () => {
  const ops = [{ op: "reshape", shape: [4, 1, 2] }, { op: "pixel_shuffle", shape: [1, 2, 4] }];
  assert.deepEqual(run([1, 2, 3, 4, 5, 6, 7, 8], ops), [1, 3, 2, 4, 5, 7, 6, 8]);
});

test("a sum reaches back, to z itself too", () => {
  const ops = [
    { op: "relu", shape: [2] },
    { op: "add", of: [1, 0], shape: [2] },
    { op: "add", of: [2, 2], shape: [2] },
  ];
  assert.deepEqual(run([-1, 3], ops), [-2, 12]);
});

test("half-precision numbers: normal, subnormal, zeros and the largest", () => {
  const bits = Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x0001, 0x83ff, 0x0400, 0x7bff, 0x0000);
  const values = [1, -2, 0.333251953125, 2 ** -24, -1023 * 2 ** -24, 2 ** -14, 65504, 0];
  const w = [[1, 1, 1, 8], new Uint8Array(bits.buffer), "F16"];
  assert.deepEqual(run([1], [{ op: "conv", shape: [8], weight: "w", stride: [1, 1], padding: [0, 0] }], { w }), values);
});

/** Pseudo-random numbers in (−1, 1), the same at each call. */
function numbers(count, seed) {
  return Array.from({ length: count }, (_, i) => Math.sin((i + 1) * 12.9898 + seed * 78.233));
}

/** A kernel (out, in, height, width) as a file has it: (height, width, in, out). */
function stored([outputs, inputs, height, width], weight) {
  const shape = [height, width, inputs, outputs], area = height * width;
  return [shape, weight.map((_, at) => {
    const [output, input, tap] = [at % outputs, Math.floor(at / outputs) % inputs, Math.floor(at / (outputs * inputs))];
    return weight[(output * inputs + input) * area + tap];
  })];
}

/** Σ over (input, ky, kx) of weight · x at (row · stride − padding + ky, …), as it is defined. */
function convolve(x, [inputs, height, width], weight, [outputs, , kh, kw], [sy, sx], [py, px], [rows, columns]) {
  const y = [];
  for (let o = 0; o < outputs; o++) for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
    let sum = 0;
    for (let i = 0; i < inputs; i++) for (let ky = 0; ky < kh; ky++) for (let kx = 0; kx < kw; kx++) {
      const row = r * sy - py + ky, column = c * sx - px + kx;
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      sum += weight[((o * inputs + i) * kh + ky) * kw + kx] * x[(i * height + row) * width + column];
    }
    y.push(sum);
  }
  return y;
}

const GEOMETRIES = [
  // input, (out, in, kernel), stride, padding
  [[1, 1, 1], [1, 1, 1, 1], [1, 1], [0, 0]],
  [[3, 5, 4], [2, 3, 3, 3], [1, 1], [1, 1]],
  [[4, 7, 7], [5, 4, 4, 4], [2, 2], [1, 1]],
  [[5, 6, 9], [3, 5, 2, 5], [3, 2], [1, 3]],
  [[9, 2, 2], [4, 9, 5, 5], [1, 1], [2, 2]], // a kernel larger than the picture
  [[2, 8, 3], [1, 2, 1, 3], [4, 1], [0, 0]],
];

for (const [shape, kernel, stride, padding] of GEOMETRIES) {
  const size = [0, 1].map((i) => Math.floor((shape[i + 1] + 2 * padding[i] - kernel[i + 2]) / stride[i]) + 1);
  const count = (sizes) => sizes.reduce((a, b) => a * b, 1);
  const input = numbers(count(shape), 1), weight = numbers(count(kernel), 2), bias = numbers(kernel[0], 3);
  const outShape = [kernel[0], ...size];
  const settings = { weight: "w", stride, padding };

  test(`a convolution of ${shape} by ${kernel}, stride ${stride}, padding ${padding}`, () => {
    const ops = [{ op: "reshape", shape }, { op: "conv", shape: outShape, bias: "b", ...settings }];
    const plain = convolve(input, shape, weight, kernel, stride, padding, size);
    const wanted = plain.map((value, i) => value + bias[Math.floor(i / count(size))]);
    close(run(input, ops, { w: stored(kernel, weight), b: [[kernel[0]], bias] }), wanted, 1e-5);
  });

  test(`⟨conv(x), y⟩ = ⟨x, conv_transpose(y)⟩ for ${shape} by ${kernel}, stride ${stride}, padding ${padding}`, () => {
    const y = numbers(count(outShape), 4), [out, into, kh, kw] = kernel, area = kh * kw;
    const swapped = Array.from({ length: weight.length }, (_, at) => {
      const [i, o, k] = [Math.floor(at / (out * area)), Math.floor(at / area) % out, at % area];
      return weight[(o * into + i) * area + k];
    });
    const ops = [{ op: "reshape", shape: outShape }, { op: "conv_transpose", shape, ...settings }];
    const back = run(y, ops, { w: stored([into, out, kh, kw], swapped) });
    const forth = convolve(input, shape, weight, kernel, stride, padding, size);
    const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    assert.ok(Math.abs(dot(forth, y) - dot(input, back)) < 1e-4, `${dot(forth, y)} and ${dot(input, back)}`);
  });
}

test("a picture is the caller's own, and does not depend on the one before", () => {
  const model = parse(chain(2, [{ op: "relu", shape: [2] }]));
  const first = model.decode([1, 2]), second = model.decode([3, 4]);
  assert.deepEqual([...first, ...second], [1, 2, 3, 4]);
  assert.deepEqual([model.name, model.latent, model.shape], ["test", 2, [2]]);
});

test("what cannot be read is refused with the reason", () => {
  assert.throws(() => parse(new ArrayBuffer(3)), /no safetensors file/);
  assert.throws(() => parse(new TextEncoder().encode("<!doctype html><p>404").buffer), /no safetensors file/);
  assert.throws(() => parse(safetensors({}, { format: "pt" })), /no list of operations; genzoo gallery/);
  assert.throws(() => parse(safetensors({})), /no list of operations/);
  assert.throws(() => parse(safetensors({ w: [[1], new Uint8Array(2), "BF16"] })), /w is BF16/);
  assert.throws(() => parse(chain(1, [{ op: "attention", shape: [1] }])), /test uses attention, which this engine does not have/);
  const model = parse(chain(2, [{ op: "relu", shape: [2] }]));
  assert.throws(() => model.decode([1]), /test decodes 2 numbers; got 1/);
});
