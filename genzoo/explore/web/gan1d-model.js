// A generative adversarial network on a line (Goodfellow et al. 2014), small enough to train while one looks on.

import { Random } from "./random.js";

/** Mixtures of equally likely normals; "two" is genzoo's data set toy1d-bumps. */
export const DATA = {
  one: { means: [-1], scale: 0.5 },
  two: { means: [-2, 2], scale: 0.5 },
};

const WIDTHS = [1, 16, 16, 1];
const BATCH = 64;
// D learns faster than G (Heusel et al. 2017), and both slow down: a rate is divided by 1 + steps / SLOWING.
const RATE = { discriminator: 1e-2, generator: 2e-3 }, SLOWING = 500;
// G starts as a narrow heap beside the data, as every real generator starts: with two bumps it has to find both.
const START = { scale: 0.3, at: 1 };

const sigmoid = (logit) => 1 / (1 + Math.exp(-logit));
const softplus = (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
const sum = (numbers, term = (value) => value) => numbers.reduce((all, value) => all + term(value), 0);

/** Linear layers through `widths` with tanh between each two, all parameters in one array. */
export class Network {
  constructor(widths, random) {
    this.layers = [];
    let at = 0;
    for (let i = 1; i < widths.length; i++) {
      const [inputs, outputs] = [widths[i - 1], widths[i]];
      this.layers.push({ inputs, outputs, weight: at, bias: at + inputs * outputs });
      at += (inputs + 1) * outputs;
    }
    [this.parameters, this.gradient, this.first, this.second] = Array.from({ length: 4 }, () => new Float64Array(at));
    this.steps = 0;
    for (const { inputs, outputs, weight, bias } of this.layers) {
      const bound = Math.sqrt(6 / (inputs + outputs)); // Glorot and Bengio 2010
      for (let i = weight; i < bias; i++) this.parameters[i] = bound * (2 * random.uniform() - 1);
    }
  }

  /** The output for each number; what `backward` needs is kept. */
  forward(x) {
    const theta = this.parameters;
    this.values = [Float64Array.from(x)];
    for (const layer of this.layers) {
      const { inputs, outputs, weight, bias } = layer, last = layer === this.layers.at(-1);
      const from = this.values.at(-1), to = new Float64Array(x.length * outputs);
      for (let n = 0, at = 0; n < x.length; n++) {
        for (let o = 0; o < outputs; o++) {
          let total = theta[bias + o];
          for (let i = 0; i < inputs; i++) total += theta[weight + o * inputs + i] * from[n * inputs + i];
          to[at++] = last ? total : Math.tanh(total);
        }
      }
      this.values.push(to);
    }
    return this.values.at(-1);
  }

  /** Add to `gradient` what a loss whose derivative in each output is `slope` has; returns its derivative in each x. */
  backward(slope) {
    const theta = this.parameters, gradient = this.gradient;
    return this.layers.reduceRight((delta, { inputs, outputs, weight, bias }, index) => {
      const from = this.values[index], before = new Float64Array(from.length);
      for (let n = 0, at = 0; n < slope.length; n++) {
        for (let o = 0; o < outputs; o++) {
          const d = delta[at++];
          gradient[bias + o] += d;
          for (let i = 0; i < inputs; i++) {
            gradient[weight + o * inputs + i] += d * from[n * inputs + i];
            before[n * inputs + i] += d * theta[weight + o * inputs + i];
          }
        }
      }
      return index ? before.map((d, i) => d * (1 - from[i] ** 2)) : before; // tanh' = 1 − tanh²
    }, slope);
  }

  /** A step of Adam (Kingma and Ba 2014) with β = (0.5, 0.99), against `gradient`, which is 0 after it. */
  descend(start) {
    const { parameters, gradient, first, second } = this, [beta1, beta2] = [0.5, 0.99];
    const rate = start / (1 + this.steps++ / SLOWING);
    const unbias1 = 1 - beta1 ** this.steps, unbias2 = 1 - beta2 ** this.steps;
    gradient.forEach((g, i) => {
      first[i] += (1 - beta1) * (g - first[i]);
      second[i] += (1 - beta2) * (g * g - second[i]);
      parameters[i] -= (rate * (first[i] / unbias1)) / (Math.sqrt(second[i] / unbias2) + 1e-8);
    });
    gradient.fill(0);
  }
}

/** The density of the data at x. */
export function density({ means, scale }, x) {
  const of = (mean) => Math.exp(-((x - mean) ** 2) / (2 * scale ** 2)) / (scale * Math.sqrt(2 * Math.PI));
  return sum(means, of) / means.length;
}

export class Gan {
  constructor({ data = "one", loss = "non-saturating", seed = 0 } = {}) {
    this.data = DATA[data];
    this.loss = loss;
    this.random = new Random(seed);
    this.generator = new Network(WIDTHS, this.random);
    this.discriminator = new Network(WIDTHS, this.random);
    const { parameters } = this.generator;
    parameters.set(parameters.map((value) => START.scale * value));
    parameters[parameters.length - 1] = START.at;
  }

  /** Numbers of the data. */
  real(count) {
    const { means, scale } = this.data, { random } = this;
    const centre = () => means[Math.floor(random.uniform() * means.length)];
    return Float64Array.from({ length: count }, () => centre() + scale * random.normal());
  }

  /** G(z) for each z. */
  generate = (z) => this.generator.forward(z);

  /** D(x), the probability that x is real, for each x. */
  discriminate = (x) => this.discriminator.forward(x).map(sigmoid);

  /** A step of D down the mean of −log D(x) − log(1 − D(G(z))), which is returned. */
  stepDiscriminator() {
    const real = this.real(BATCH), fake = this.generate(this.random.normals(BATCH));
    const loss = this.judge(real, true).loss + this.judge(fake, false).loss;
    this.discriminator.descend(RATE.discriminator);
    return loss;
  }

  /** A step of G down the mean of −log D(G(z)) or, the minimax loss, of log(1 − D(G(z))), which is returned. */
  stepGenerator() {
    const fake = this.generate(this.random.normals(BATCH)), sign = this.loss === "minimax" ? -1 : 1;
    const { loss, slope } = this.judge(fake, sign === 1);
    this.discriminator.gradient.fill(0); // D stands still
    this.generator.backward(slope.map((value) => sign * value));
    this.generator.descend(RATE.generator);
    return sign * loss;
  }

  /** The mean of −log D, or of −log(1 − D), at x, and its derivative in each x; D's gradient has D's part added. */
  judge(x, real) {
    const logits = this.discriminator.forward(x);
    const slope = this.discriminator.backward(logits.map((logit) => (sigmoid(logit) - real) / x.length));
    return { loss: sum(logits, (logit) => softplus(real ? -logit : logit)) / x.length, slope };
  }
}

/** Mean and standard deviation. */
export function moments(numbers) {
  const mean = sum(numbers) / numbers.length;
  return { mean, deviation: Math.sqrt(sum(numbers, (value) => (value - mean) ** 2) / numbers.length) };
}
