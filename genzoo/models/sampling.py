"""sample: from a seed and a sampler to samples, in fixed blocks."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genzoo.arguments import typed
from genzoo.batch import NOTHING
from genzoo.errors import InvalidInput, PluginError
from genzoo.fields import Field, check_config, whole
from genzoo.models.base import Model
from genzoo.protocols import Sampler
from genzoo.randomness import Noise
from genzoo.registry import load_target, registry
from genzoo.spec import SamplerSpec

__all__ = ["fitting_samplers", "sample_in_blocks", "sampler_of"]


@typed
def sample_in_blocks(
    model: Model,
    n: int,
    *,
    seed: int | None = None,
    sampler: str | Sampler = "",
    given: Mapping[str, Any] = NOTHING,
) -> Tensor:
    """n samples of a model, computed in blocks of exactly `model.sample_block` rows of noise.

    Every block is whole (what is beyond n is cut off): fast, and the reason why sample i is the same bits whatever n.

    Args:
        model: what is sampled.
        n: how many.
        seed: of the noise; one is drawn from torch's global generator without it.
        sampler: a value, or its name and options, ``heun:8``; the model's own without it.
        given: what the model is told, by name: one value for all samples, or one for each.

    Raises:
        NotFound: no such sampler.
        InvalidInput: n, the seed, an option or what is given cannot be used, or the sampler needs what the model does
            not have.
    """
    n = whole(n, f"{model.name}.sample: n")
    drawn = torch.randint(2**62, (), device="cpu").item() if seed is None else seed
    seed = whole(drawn, f"{model.name}.sample: seed")
    draw = sampler_of(model, sampler or model.sampler)
    reference, block = model.reference, model.sample_block
    told = model.told(given, n, "sample")
    dtype = torch.int64 if model.values == "index" else reference.dtype
    samples = torch.empty(n, *model.input_shape, device=reference.device, dtype=dtype)
    for start in range(0, n, block):
        noise = Noise(seed=seed, n=block, start=start, like=reference)
        rows = {name: _whole_block(values[start : start + block], block) for name, values in told.items()}
        samples[start : start + block] = draw(model, noise, rows)[: n - start]
    return samples


def _whole_block(rows: Tensor, block: int) -> Tensor:
    """As many rows as a block has: the last one stands for what is cut off again."""
    return rows if len(rows) == block else torch.cat([rows, rows[-1:].expand(block - len(rows), *rows.shape[1:])])


def sampler_of(model: Model, sampler: str | Sampler) -> Sampler:
    """The sampler that a text names, or `sampler` itself; raises as `sample_in_blocks` does."""
    if not isinstance(sampler, str):
        return sampler
    name, _, options = sampler.partition(":")
    record = registry().find(SamplerSpec, name)
    if missing := [need for need in record.needs if not model.has(need)]:
        fitting = ", ".join(fitting_samplers(model)) or "none"
        raise InvalidInput(
            f"the sampler {name} needs {' and '.join(missing)}, which {model.name} does not have; samplers that it can "
            f"use: {fitting}"
        )
    config = check_config(record.config, _options(options, record), f"sampler {name}")
    try:
        found: Sampler = load_target(record.target, f"sampler {name}")(**config)
    except TypeError as error:  # a third-party class
        raise PluginError(f"the sampler {name} does not take the options of its record: {error}") from error
    return found


def fitting_samplers(model: Model) -> list[str]:
    """The names of the samplers whose needs a model meets."""
    return sorted(name for name, _, record in registry().entries(SamplerSpec) if model.has(*record.needs))


def _options(text: str, record: SamplerSpec) -> dict[str, Any]:
    """``8,noise=0.5`` as options: what has no key is for the record's keys in their order."""
    given: dict[str, Any] = {}
    for index, part in enumerate(filter(None, text.split(","))):
        key, equals, value = part.partition("=")
        if not equals:
            if index >= len(record.config):
                raise InvalidInput(f"the sampler {record.name} takes {_known(record)}; got {text!r:.80}")
            key, value = list(record.config)[index], part
        given[key.strip()] = _value(value.strip(), record.config.get(key.strip()))
    return given


def _known(record: SamplerSpec) -> str:
    return ", ".join(f"{key}=…" for key in record.config) or "no options"


def _value(text: str, rule: Field | None) -> Any:
    """A value as TOML has it; a word is a string."""
    if rule is not None and rule.kind == "str":
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, KeyError, RecursionError):  # of a number of 5,000 digits Python's own
        return text
