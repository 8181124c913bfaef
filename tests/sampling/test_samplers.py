"""What samplers promise beyond the laws: solvers have their order, and a name and options make the value they name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import e
from typing import Self

import pytest
import torch
from torch import Tensor, nn

import genzoo
from genzoo.cli import run
from genzoo.models.sampling import fitting_samplers, sampler_of
from genzoo.randomness import Noise
from genzoo.sampling import Euler, EulerMaruyama, Heun, Midpoint, Prior
from genzoo.spec import ModelSpec

Capture = pytest.CaptureFixture[str]


class Known(genzoo.Model):
    """A flow of three numbers whose velocity is known."""

    def __init__(self, velocity: Callable[[Tensor, Tensor], Tensor]) -> None:
        config = {"input_shape": (3,), "values": "real"}
        super().__init__(ModelSpec(family="known", architecture="none", config=config))
        self.formula = velocity

    @classmethod
    def build(cls, network: object, spec: ModelSpec) -> Self:
        raise AssertionError("it is made by hand")

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        return self.formula(x, t[:, None])

    def from_flow(self, x: Tensor) -> Tensor:
        return x

    @genzoo.verb(takes="noise", gives="data")
    def sample(self, n: int, *, seed: int | None = None, sampler: str | genzoo.Sampler = "euler") -> Tensor:
        return genzoo.sample_in_blocks(self, n, seed=seed, sampler=sampler)


@pytest.mark.parametrize(("solver", "order"), [(Euler, 1), (Heun, 2), (Midpoint, 2)])
def test_a_solver_has_its_order(solver: type[Euler | Heun | Midpoint], order: int) -> None:
    """dx/dt = x carries x to e x; with twice the steps the error is 2^order times smaller."""
    model, noise = Known(lambda x, t: x), Noise(seed=0, n=4)
    wanted = e * noise.normal(3)
    errors = [(solver(steps)(model, noise) - wanted).abs().max().item() for steps in (16, 32)]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.1)


def to_gaussian(mean: float, std: float) -> Known:
    """The velocity that carries N(0, 1) to N(mean, std²) along straight paths: v = E[x₁ − x₀ | x], both normal."""

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        variance = (1 - t) ** 2 + t**2 * std**2
        return mean + (t * std**2 - (1 - t)) / variance * (x - t * mean)

    return Known(velocity)


@pytest.mark.parametrize(
    "sampler", ["euler:64", "heun:32", "midpoint:32", "euler-maruyama:200", "euler-maruyama:200,noise=0.2"]
)
def test_every_solver_draws_from_the_distribution_it_should(sampler: str) -> None:
    x = to_gaussian(2.0, 0.5).sample(4000, seed=0, sampler=sampler).double()
    assert x.mean().item() == pytest.approx(2.0, abs=0.03)
    assert x.std().item() == pytest.approx(0.5, abs=0.03)


def test_no_fresh_noise_is_eulers_method() -> None:
    model = to_gaussian(1.0, 2.0)
    assert torch.equal(
        model.sample(5, seed=1, sampler="euler:9"), model.sample(5, seed=1, sampler="euler-maruyama:9,0")
    )


def test_steps_of_one_seed_are_different_noise() -> None:
    noise = Noise(seed=0, n=4)
    draws = [noise.normal(3), noise.normal(3, step=1), noise.normal(3, step=2), noise.uniform(3)]
    assert len({tuple(draw.flatten().tolist()) for draw in draws}) == len(draws)
    assert torch.equal(noise.normal(3, step=1)[2:], Noise(seed=0, n=2, start=2).normal(3, step=1))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("euler", Euler(8)),
        ("heun:4", Heun(4)),
        ("heun:steps=4", Heun(4)),
        ("euler-maruyama:10,0.5", EulerMaruyama(10, 0.5)),
        ("euler-maruyama:noise=2, steps=3", EulerMaruyama(3, 2.0)),
    ],
)
def test_a_text_names_a_sampler(text: str, wanted: object) -> None:
    assert sampler_of(to_gaussian(0.0, 1.0), text) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hoin:4", "no sampler is called 'hoin'"),
        ("heun:0", "sampler heun.steps must be a whole number from 1 to 1000; got 0"),
        ("heun:many", "sampler heun.steps must be a whole number from 1 to 1000; got 'many'"),
        ("heun:" + "9" * 5000, "sampler heun.steps must be a whole number from 1 to 1000; got '9999"),
        ("heun:" + "[" * 5000, "sampler heun.steps must be a whole number from 1 to 1000; got '[[[["),
        ("heun:stebs=4", "sampler heun has no key 'stebs'; did you mean steps"),
        ("heun:4,5,6", "the sampler heun takes steps=…, guidance=…"),
        (
            "heun:4,guidance=2",
            "guidance needs a model that has also learned without what it is told, and known-none is",
        ),
        (
            "prior",
            "the sampler prior needs decode and noise, which known-none does not have; samplers that it can use: euler",
        ),
    ],
)
def test_a_sampler_that_cannot_be_used_says_why(text: str, message: str) -> None:
    with pytest.raises(genzoo.GenzooError, match=re.escape(message)):
        to_gaussian(0.0, 1.0).sample(2, seed=0, sampler=text)


def test_a_model_says_which_samplers_fit() -> None:
    assert fitting_samplers(to_gaussian(0.0, 1.0)) == ["euler", "euler-maruyama", "heun", "midpoint"]
    vae = genzoo.create("vae-dense", input_shape=(4,), latent_dim=2, seed=0)
    assert fitting_samplers(vae) == ["prior"]
    with pytest.raises(genzoo.InvalidInput, match="heun needs velocity and from_flow, which vae-dense does not have"):
        vae.sample(2, sampler="heun:8")


def test_a_sampler_of_ones_own_is_a_value() -> None:
    @dataclass(frozen=True)
    class Colder:
        """The prior with a smaller standard deviation."""

        temperature: float

        def __call__(self, model: genzoo.Model, noise: Noise, given: Mapping[str, Tensor]) -> Tensor:
            x: Tensor = model.decode(self.temperature * noise.normal(model.latent_dim))
            return x

    vae = genzoo.create("vae-dense", input_shape=(4,), latent_dim=2, seed=0).eval()
    assert torch.equal(vae.sample(70, seed=0, sampler=Colder(1.0)), vae.sample(70, seed=0, sampler=Prior()))
    cold = vae.sample(5, seed=0, sampler=Colder(0.0))
    assert torch.equal(cold, cold[:1].expand_as(cold))
    with pytest.raises(genzoo.InvalidInput, match="sampler must be a string or a Sampler; got 3"):
        vae.sample(2, sampler=3)


def test_the_command_line_takes_a_sampler(capsys: Capture, tmp_path: object) -> None:
    out = f"{tmp_path}/x.png"
    assert run(["sample", "gan-dense-toy1d", "--sampler", "prior", "-o", out]) == 0
    assert run(["sample", "gan-dense-toy1d", "--sampler", "heun:8", "-o", out, "--force"]) == 2
    assert "heun needs velocity and from_flow, which gan-dense-toy1d does not have" in capsys.readouterr().err
    assert run(["show", "heun"]) == 0
    assert "steps" in capsys.readouterr().out
