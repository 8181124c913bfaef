// A generative adversarial network on a line (Goodfellow et al. 2014), small enough to train while one looks on.
//
//   const gan = new Gan({ data: "one", loss: "non-saturating", seed: 0 });
//   gan.stepDiscriminator();
//   gan.stepGenerator();
//   gan.generate(z); gan.discriminate(x);      // G(z), and D(x) in (0, 1), of arrays of numbers
//
// Both are dense networks with tanh between their layers, their gradients written out by hand.

/** Mixtures of equally likely normals; "two" is genzoo's data set toy1d-bumps. */
export const DATA = {
  one: { means: [-1], scale: 0.5 },
  two: { means: [-2, 2], scale: 0.5 },
};

const WIDTHS = [1, 16, 16, 1];
const BATCH = 64;
// D learns faster than G (Heusel et al. 2017), and both slow down: a rate is divided by 1 + steps / 500.
const RATE = { discriminator: 1e-2, generator: 2e-3 };
const SLOWING = 500;
// G starts as a narrow heap beside the data, as every real generator starts: with two bumps it has to find both.
const START = { scale: 0.3, at: 1 };

const sigmoid = (logit) => 1 / (1 + Math.exp(-logit));
const softplus = (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));

/** Uniform numbers in [0, 1) and normal ones, the same for the same seed (mulberry32; Box and Muller 1958). */
export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  uniform() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  normal() {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  normals(count) {
    return Float64Array.from({ length: count }, () => this.normal());
  }
}

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
    this.parameters = new Float64Array(at);
    this.gradient = new Float64Array(at);
    this.moments = [new Float64Array(at), new Float64Array(at)];
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
    this.layers.forEach(({ inputs, outputs, weight, bias }, index) => {
      const from = this.values[index], to = new Float64Array(x.length * outputs);
      const last = index === this.layers.length - 1;
      for (let n = 0; n < x.length; n++) {
        for (let o = 0; o < outputs; o++) {
          let sum = theta[bias + o];
          for (let i = 0; i < inputs; i++) sum += theta[weight + o * inputs + i] * from[n * inputs + i];
          to[n * outputs + o] = last ? sum : Math.tanh(sum);
        }
      }
      this.values.push(to);
    });
    return this.values.at(-1);
  }

  /** Add to `gradient` what a loss whose derivative in each output is `slope` has; returns its derivative in each x. */
  backward(slope) {
    const theta = this.parameters, gradient = this.gradient;
    let delta = slope;
    for (let index = this.layers.length - 1; index >= 0; index--) {
      const { inputs, outputs, weight, bias } = this.layers[index];
      const from = this.values[index], before = new Float64Array(from.length);
      for (let n = 0; n < slope.length; n++) {
        for (let o = 0; o < outputs; o++) {
          const d = delta[n * outputs + o];
          gradient[bias + o] += d;
          for (let i = 0; i < inputs; i++) {
            gradient[weight + o * inputs + i] += d * from[n * inputs + i];
            before[n * inputs + i] += d * theta[weight + o * inputs + i];
          }
        }
      }
      if (index) for (let i = 0; i < before.length; i++) before[i] *= 1 - from[i] * from[i]; // tanh' = 1 − tanh²
      delta = before;
    }
    return delta;
  }

  /** A step of Adam (Kingma and Ba 2014) with β = (0.5, 0.99), against `gradient`, which is 0 after it. */
  descend(start) {
    const [first, second] = this.moments, [beta1, beta2] = [0.5, 0.99];
    const rate = start / (1 + this.steps++ / SLOWING);
    const unbias1 = 1 - beta1 ** this.steps, unbias2 = 1 - beta2 ** this.steps;
    for (let i = 0; i < this.parameters.length; i++) {
      const g = this.gradient[i];
      first[i] += (1 - beta1) * (g - first[i]);
      second[i] += (1 - beta2) * (g * g - second[i]);
      this.parameters[i] -= (rate * (first[i] / unbias1)) / (Math.sqrt(second[i] / unbias2) + 1e-8);
    }
    this.gradient.fill(0);
  }
}

/** The density of the data at x. */
export function density({ means, scale }, x) {
  const of = (mean) => Math.exp(-((x - mean) ** 2) / (2 * scale ** 2)) / (scale * Math.sqrt(2 * Math.PI));
  return means.reduce((sum, mean) => sum + of(mean), 0) / means.length;
}

export class Gan {
  constructor({ data = "one", loss = "non-saturating", seed = 0 } = {}) {
    this.data = DATA[data];
    this.loss = loss;
    this.random = new Random(seed);
    this.generator = new Network(WIDTHS, this.random);
    this.discriminator = new Network(WIDTHS, this.random);
    const { parameters } = this.generator;
    parameters.forEach((value, i) => (parameters[i] = START.scale * value));
    parameters[parameters.length - 1] = START.at;
  }

  /** Numbers of the data. */
  real(count) {
    const { means, scale } = this.data, { random } = this;
    const centre = () => means[Math.floor(random.uniform() * means.length)];
    return Float64Array.from({ length: count }, () => centre() + scale * random.normal());
  }

  /** G(z) for each z. */
  generate(z) {
    return this.generator.forward(z);
  }

  /** D(x), the probability that x is real, for each x. */
  discriminate(x) {
    return this.discriminator.forward(x).map(sigmoid);
  }

  /** A step of D down the mean of −log D(x) − log(1 − D(G(z))), which is returned. */
  stepDiscriminator() {
    const real = this.real(BATCH), fake = this.generate(this.random.normals(BATCH));
    const onReal = this.judge(real, (logit) => softplus(-logit), (logit) => sigmoid(logit) - 1);
    const onFake = this.judge(fake, softplus, sigmoid);
    this.discriminator.descend(RATE.discriminator);
    return onReal.loss + onFake.loss;
  }

  /** A step of G down the mean of −log D(G(z)) or, the minimax loss, of log(1 − D(G(z))), which is returned. */
  stepGenerator() {
    const fake = this.generate(this.random.normals(BATCH));
    const { loss, slope } =
      this.loss === "minimax"
        ? this.judge(fake, (logit) => -softplus(logit), (logit) => -sigmoid(logit))
        : this.judge(fake, (logit) => softplus(-logit), (logit) => sigmoid(logit) - 1);
    this.discriminator.gradient.fill(0); // D stands still
    this.generator.backward(slope);
    this.generator.descend(RATE.generator);
    return loss;
  }

  /** The mean of a loss of D's logits at x, and its derivative in each x; D's gradient has that in D's parameters added. */
  judge(x, loss, derivative) {
    const logits = this.discriminator.forward(x);
    const slope = this.discriminator.backward(logits.map((logit) => derivative(logit) / x.length));
    return { loss: logits.reduce((sum, logit) => sum + loss(logit), 0) / x.length, slope };
  }
}

/** Mean and standard deviation. */
export function moments(numbers) {
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length;
  return { mean, deviation: Math.sqrt(variance) };
}
