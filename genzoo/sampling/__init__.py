"""Samplers: how noise becomes samples of a model.

A sampler is a value, called as ``sampler(model, noise, given)`` with a genzoo.Noise of n rows and what the model is
told, a row for each sample; it returns (n, *input_shape). It draws whatever it needs from the noise alone, so row i of
what it returns depends on (seed, i) and what it is given, and nothing else. Each has a record, a genzoo.SamplerSpec, by
which ``sample(n, sampler="heun:8")`` and ``--sampler heun:8`` find it.
"""

from __future__ import annotations

from genzoo.sampling.flow import Euler, EulerMaruyama, Heun, MeanFlow, Midpoint
from genzoo.sampling.prior import Fitted, Prior

__all__ = ["Euler", "EulerMaruyama", "Fitted", "Heun", "MeanFlow", "Midpoint", "Prior"]
