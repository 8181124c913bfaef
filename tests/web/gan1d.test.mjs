// The GAN on a line: its gradients against finite differences, and what its training comes to.

import assert from "node:assert/strict";
import test from "node:test";

import { DATA, Gan, Network, density, moments } from "../../genzoo/explore/web/gan1d-model.js";
import { Random } from "../../genzoo/explore/web/random.js";

function near(found, wanted, tolerance, what = "") {
  assert.ok(Math.abs(found - wanted) <= tolerance, `${what} ${found} is not ${wanted} ± ${tolerance}`);
}

test("random numbers are those of their seed, uniform and normal", () => {
  const draws = new Random(7).normals(20_000), uniform = new Random(7);
  assert.deepEqual(draws, new Random(7).normals(20_000));
  assert.notDeepEqual(draws, new Random(8).normals(20_000));
  const { mean, deviation } = moments(draws);
  near(mean, 0, 0.03);
  near(deviation, 1, 0.03);
  const flat = Array.from({ length: 20_000 }, () => uniform.uniform());
  assert.ok(flat.every((value) => value >= 0 && value < 1));
  near(moments(flat).deviation, Math.sqrt(1 / 12), 0.01);
});

for (const data of Object.keys(DATA)) {
  test(`the density of "${data}" is one, and its draws have its moments`, () => {
    const step = 0.01, grid = Array.from({ length: 1601 }, (_, i) => -8 + step * i);
    const weights = grid.map((x) => density(DATA[data], x) * step);
    const total = weights.reduce((a, b) => a + b), mean = grid.reduce((sum, x, i) => sum + x * weights[i], 0);
    const variance = grid.reduce((sum, x, i) => sum + (x - mean) ** 2 * weights[i], 0);
    near(total, 1, 1e-6);
    const found = moments(new Gan({ data, seed: 1 }).real(20_000));
    near(found.mean, mean, 0.05);
    near(found.deviation, Math.sqrt(variance), 0.03);
  });
}

/** The derivative of f in each number of `at`, by central differences. */
function differences(f, at, step = 1e-5) {
  return Array.from(at, (value, i) => {
    at[i] = value + step;
    const above = f();
    at[i] = value - step;
    const below = f();
    at[i] = value;
    return (above - below) / (2 * step);
  });
}

test("backward gives the derivatives in parameters and inputs", () => {
  const network = new Network([1, 5, 4, 1], new Random(3)), x = new Random(4).normals(6);
  const loss = () => network.forward(x).reduce((sum, y) => sum + y * y, 0);
  const inputs = network.backward(network.forward(x).map((y) => 2 * y));
  const found = [...network.gradient, ...inputs];
  const wanted = [...differences(loss, network.parameters), ...differences(loss, x)];
  wanted.forEach((value, i) => near(found[i], value, 1e-7, `${i}:`));
});

/** A step without Adam: `network.gradient` as the step leaves it to `descend`, and the loss for the same draws. */
function gradientOfStep(gan, network, step) {
  let gradient;
  network.descend = () => {
    gradient = Array.from(network.gradient);
    network.gradient.fill(0);
  };
  const { state } = gan.random;
  const loss = () => {
    gan.random.state = state;
    return gan[step]();
  };
  loss();
  return { gradient, wanted: differences(loss, network.parameters) };
}

for (const [step, player, loss] of [
  ["stepDiscriminator", "discriminator", "non-saturating"],
  ["stepGenerator", "generator", "non-saturating"],
  ["stepGenerator", "generator", "minimax"],
]) {
  test(`${step} descends its loss, ${loss}, and moves no other player`, () => {
    const gan = new Gan({ data: "two", loss, seed: 5 });
    for (let i = 0; i < 20; i++) gan.stepDiscriminator();
    const other = gan[player === "generator" ? "discriminator" : "generator"];
    const before = Array.from(other.parameters);
    const { gradient, wanted } = gradientOfStep(gan, gan[player], step);
    wanted.forEach((value, i) => near(gradient[i], value, 1e-6, `parameter ${i}:`));
    assert.deepEqual(Array.from(other.parameters), before);
    assert.ok(other.gradient.every((value) => value === 0));
  });
}

test("Adam's first step is the rate, against the sign of the gradient", () => {
  const network = new Network([1, 1], new Random(0));
  network.parameters.set([1, 2]);
  network.gradient.set([0.3, -40]);
  network.descend(0.1);
  near(network.parameters[0], 0.9, 1e-6);
  near(network.parameters[1], 2.1, 1e-6);
  assert.deepEqual(Array.from(network.gradient), [0, 0]);
});

test("D alone comes to p_data / (p_data + p_g), Goodfellow's optimum", () => {
  const gan = new Gan({ data: "one", seed: 0 });
  gan.generator = { forward: (z) => z.map((value) => 0.5 * value) }; // N(0, 0.5²)
  for (let i = 0; i < 1500; i++) gan.stepDiscriminator();
  for (const x of [-2, -1, -0.5, 0, 1]) {
    const real = density(DATA.one, x), fake = density({ means: [0], scale: 0.5 }, x);
    near(gan.discriminate([x])[0], real / (real + fake), 0.08, `D(${x})`);
  }
});

function trained(options, pairs) {
  const gan = new Gan(options);
  for (let i = 0; i < pairs; i++) {
    gan.stepDiscriminator();
    gan.stepGenerator();
  }
  const fakes = gan.generate(new Random(99).normals(2000));
  return { gan, fakes, left: fakes.filter((x) => x < 0).length / fakes.length };
}

for (const loss of ["non-saturating", "minimax"]) {
  for (const seed of [0, 1]) {
    test(`one bump is learned and D comes to ½, ${loss}, seed ${seed}`, () => {
      const { gan, fakes } = trained({ data: "one", loss, seed }, 1000);
      const { mean, deviation } = moments(fakes);
      near(mean, -1, 0.3);
      near(deviation, 0.5, 0.15);
      near(moments(gan.discriminate(gan.real(1000)).map((d) => Math.abs(d - 0.5))).mean, 0, 0.08, "|D − ½|");
    });
  }
}

test("of two bumps the non-saturating loss keeps to one with the first seed: the mode has collapsed", () => {
  const { gan, fakes, left } = trained({ data: "two", seed: 0 }, 1000);
  near(left, 0, 0.02, "share of the left bump");
  near(moments(fakes).mean, 2, 0.4);
  assert.ok(gan.discriminate([-2])[0] > 0.9, "D knows that what lies on the left is real");
});

test("the minimax loss finds both bumps", () => {
  near(trained({ data: "two", loss: "minimax", seed: 0 }, 1000).left, 0.5, 0.15, "share of the left bump");
});

test("a seed says everything", () => {
  const [one, same] = [0, 1].map(() => trained({ data: "two", seed: 3 }, 10).gan.generator.parameters);
  assert.deepEqual(one, same);
  assert.notDeepEqual(one, trained({ data: "two", seed: 4 }, 10).gan.generator.parameters);
});
