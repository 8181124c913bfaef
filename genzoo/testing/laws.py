"""What holds for every model. A law takes a model in eval mode and raises AssertionError with the figure that broke it.

from genzoo.testing import check
check(genzoo.load("vae-yours-mnist"))
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from genzoo import protocols
from genzoo.api.build import load
from genzoo.errors import InvalidInput, UnsupportedVerb
from genzoo.hub.files import encode_weights, parse_weights
from genzoo.latent import between, codes_of
from genzoo.models import Model
from genzoo.models.base import DECLARED
from genzoo.models.sampling import fitting_samplers
from genzoo.registry import registry
from genzoo.spec import SamplerSpec, Spaces
from genzoo.testing.inputs import argument, call, data, given, latents, parts, same
from genzoo.testing.precision import TRACING, keeps_in_bfloat16, keeps_in_float64
from genzoo.testing.surroundings import (
    verbs_ignore_the_defaults,
    verbs_ignore_the_mode,
    verbs_run_beside_training,
)

__all__ = ["LAWS", "Law", "check"]

Law = Callable[[Any], None]
SAMPLES = 10
ROUNDING = 1e-4

_ROLES: dict[str, type] = {
    "encode": protocols.Encoder,
    "decode": protocols.Decoder,
    "sample": protocols.Generator,
    "discriminate": protocols.Discriminator,
}


def check(model: Model) -> None:
    """Hold a model to every law of models."""
    for law in (*LAWS, *TRACING):
        law(model)


def roles_are_verbs(model: Any) -> None:
    """A model satisfies a role exactly if it has the role's verb."""
    for verb, role in _ROLES.items():
        satisfied = isinstance(model, role)
        assert satisfied == (verb in model.verbs), (
            f"{model.name}: {role.__name__} is {satisfied}, {verb} says otherwise"
        )


def missing_verbs_are_typed(model: Any) -> None:
    """A verb that a model does not have is refused by name, with what it can do."""
    for verb in sorted(DECLARED.keys() - model.verbs.keys()):
        try:
            getattr(model, verb)
        except UnsupportedVerb as error:
            message = str(error)
            assert model.name in message, message
            assert verb in message, message
            assert all(other in message for other in model.verbs), message
        else:
            raise AssertionError(f"{model.name}.{verb} is neither a verb nor refused")


def shapes_and_ranges(model: Any) -> None:
    """For batches of 1 and 2, what a verb gives lies in the space that it declares: shape and range, and finite."""
    for n in (1, 2):
        for verb in model.verbs.values():
            _assert_lies_in(call(model, verb.name, n), model.spaces[verb.gives], n, f"{model.name}.{verb.name}")


def verbs_track_no_gradient(model: Any) -> None:
    """What a verb returns can be used at once: no graph hangs on it."""
    for verb in model.verbs:
        tracked = any(part.requires_grad for part in parts(call(model, verb)))
        assert not tracked, f"{model.name}.{verb} tracks gradients"


def verbs_are_deterministic(model: Any) -> None:
    """A verb gives the same bits twice, whatever torch's global generator does between."""
    for verb in model.verbs:
        first = call(model, verb)
        torch.rand(1)
        assert same(first, call(model, verb)), f"{model.name}.{verb} differs between two calls"


def sample_i_depends_on_seed_and_i(model: Any) -> None:
    """By every sampler that fits the model, sample(10, seed=s)[:4] equals sample(4, seed=s) bit by bit, whatever the
    other six are told, and another seed gives other pictures."""
    if "sample" not in model.verbs:
        return
    own = model.sampler.partition(":")[0]
    for sampler in ("", *(_in_few_steps(name) for name in fitting_samplers(model) if name != own)):
        draw, what = partial(_draw, model, sampler), f"{model.name} by {sampler or 'its own sampler'}"
        whole = draw(SAMPLES)
        assert torch.equal(whole[:4], draw(4)), f"{what}: picture i depends on n"
        assert not torch.equal(whole, draw(SAMPLES, seed=1)), f"{what}: seeds 0 and 1 give the same pictures"
        longer = draw(model.sample_block + 3)
        assert torch.equal(longer[:SAMPLES], whole), f"{what}: picture i depends on the number of blocks"
        if model.spec.given:
            told = {name: rows.clone() for name, rows in given(model, SAMPLES).items()}
            for rows in told.values():
                rows[4:] = rows[:1]
            others = model.sample(SAMPLES, seed=0, sampler=sampler, **told)
            assert torch.equal(whole[:4], others[:4]), f"{what}: picture i depends on what others are told"


def _in_few_steps(sampler: str) -> str:
    """A sampler that takes steps with two of them, as it is for each step to keep to its row."""
    return f"{sampler}:steps=2" if "steps" in registry().find(SamplerSpec, sampler).config else sampler


def _draw(model: Any, sampler: str, n: int, seed: int = 0) -> Tensor:
    samples: Tensor = model.sample(n, seed=seed, sampler=sampler, **given(model, n))
    return samples


def what_is_given_is_checked(model: Any) -> None:
    """What a model is not told, and values that a column does not have, are refused; what it must be told is missed."""
    for verb in model.verbs:
        _assert_refuses_given(model, verb, {**given(model, 2), "nothing_like_this": 1})
        for name, column in model.spec.given.items():
            told = given(model, 2)
            for bad in (told[name][:1].expand(3, *told[name].shape[1:]), "no such name", object()):
                _assert_refuses_given(model, verb, {**told, name: bad})
            if not column.optional:
                _assert_refuses_given(model, verb, {key: value for key, value in told.items() if key != name})


def _assert_refuses_given(model: Any, verb: str, told: Mapping[str, Any]) -> None:
    takes = model.verbs[verb].takes
    try:
        getattr(model, verb)(2 if takes == "noise" else argument(model, verb, 2), **told)
    except InvalidInput:
        return
    raise AssertionError(f"{model.name}.{verb} can be told {', '.join(told)}")


def sample_ignores_block_and_threads(model: Any) -> None:
    """Samples are the same, up to rounding, for another block size and another number of threads."""
    if "sample" not in model.verbs:
        return
    whole, block, threads = _draw(model, "", SAMPLES), model.sample_block, torch.get_num_threads()
    try:
        model.sample_block = 3
        _assert_close(_draw(model, "", SAMPLES), whole, f"{model.name}: block size")
        model.sample_block = block  # in one block: threads wait for each other at each operation
        torch.set_num_threads(1 if threads > 1 else 2)
        _assert_close(_draw(model, "", SAMPLES), whole, f"{model.name}: threads")
    finally:
        model.sample_block = block
        torch.set_num_threads(threads)


def wrong_input_is_typed(model: Any) -> None:
    """A wrong shape, dtype or range is refused before it reaches the network."""
    for verb in (verb.name for verb in model.verbs.values() if verb.takes == "data"):
        x = data(model, 2)
        for bad in (x[0], x[..., :-1], x.tolist(), *_out_of_range(x)):
            _assert_refused(model, verb, bad)
        if model.values == "unit":
            _assert_refused(model, verb, x + 2)
    for verb in (verb.name for verb in model.verbs.values() if verb.takes == "code" and model.has("latent_dim")):
        z = latents(model, 2)
        for bad in (z[0], torch.zeros(2, model.latent_dim + 1), z.int(), z * float("nan")):
            _assert_refused(model, verb, bad)
    for verb in (verb.name for verb in model.verbs.values() if verb.takes == "noise"):
        for count in (-1, True, 1.0, "3", None):
            _assert_refused(model, verb, count)


def _out_of_range(x: Tensor) -> tuple[Tensor, ...]:
    """x in a dtype that is not its own, and beside its range."""
    if not x.is_floating_point():
        return x.float(), x.bool(), x - x.max() - 1, x + (1 << 30)
    return (x * 255).to(torch.uint8), x * float("nan"), x + float("inf")


def ways_lead_where_they_say(model: Any) -> None:
    """An interpolation begins and ends with the codes it was given, and there is no latent but those there are."""
    if "decode" not in model.verbs or not model.has("latent_dim"):
        return
    told = {name: rows[:1] for name, rows in given(model, 1).items()}
    alike = {name: rows.expand(3, *rows.shape[1:]) for name, rows in told.items()}
    two = {name: rows[:2] for name, rows in alike.items()}
    z = codes_of(model, latents(model, 2), "interpolate", two)
    ends = model.decode(z, **two)
    way = model.decode(between(z[:1], z[1:], 3)[0], **alike)
    _assert_close(way[[0, -1]], ends, f"{model.name}: interpolate")
    try:
        model.traverse(z, latent=model.latent_dim, **two)
    except InvalidInput:
        return
    raise AssertionError(f"{model.name}.traverse moves a latent that it has not")


def edits_change_what_is_asked(model: Any) -> None:
    """An edit that asks for nothing is decode(encode(x)) told what x shows, and row i depends on what row i is and is
    asked for alone."""
    if "edit" not in model.verbs:
        return
    x, original = data(model, 3), given(model, 3)
    unchanged = model.decode(model.encode(x, **original), **original)
    assert same(model.edit(x, original=original), unchanged), f"{model.name}.edit changes what it is not asked to"
    asked = {name: rows.flip(0) for name, rows in original.items()}
    whole = model.edit(x, original=original, **asked)
    for row in (slice(0, 1), slice(1, 2), slice(2, 3)):
        shown, wanted = ({name: rows[row] for name, rows in told.items()} for told in (original, asked))
        _assert_close(model.edit(x[row], original=shown, **wanted), whole[row], f"{model.name}.edit: the batch")


def state_survives_safetensors(model: Any) -> None:
    """The state dict through a safetensors file is the same, bit by bit, and the same state gives the same file."""
    state = model.state_dict()
    file = encode_weights(state)
    assert file == encode_weights(state), f"{model.name}: the same state gives two files"
    tensors = parse_weights(file, state, model.name)
    for key, tensor in tensors.items():
        assert torch.equal(tensor, state[key].cpu()), f"{model.name}: {key} changed in a safetensors file"


def copies_are_equal(model: Any) -> None:
    """A deep copy does the same."""
    twin = copy.deepcopy(model)
    for verb in model.verbs:
        assert same(call(twin, verb), call(model, verb)), f"{model.name}.{verb}: a copy differs"


def saved_models_load_the_same(model: Any) -> None:
    """What is saved loads with the same record and outputs, bit by bit, and saving draws nothing."""
    before = torch.get_rng_state()
    with TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        assert torch.equal(torch.get_rng_state(), before), f"{model.name}.save draws from torch's global generator"
        loaded: Any = load(Path(folder) / "model", device=model.device)
        assert loaded.spec == model.spec, f"{model.name} is another model when it is loaded: {loaded.spec}"
        for verb in model.verbs:
            assert same(call(model, verb), call(loaded, verb)), f"{model.name}.{verb} differs once it is saved"


LAWS: tuple[Law, ...] = (
    roles_are_verbs,
    missing_verbs_are_typed,
    shapes_and_ranges,
    verbs_track_no_gradient,
    verbs_are_deterministic,
    verbs_ignore_the_mode,
    verbs_run_beside_training,
    verbs_ignore_the_defaults,
    sample_i_depends_on_seed_and_i,
    what_is_given_is_checked,
    sample_ignores_block_and_threads,
    wrong_input_is_typed,
    ways_lead_where_they_say,
    edits_change_what_is_asked,
    state_survives_safetensors,
    saved_models_load_the_same,
    copies_are_equal,
    keeps_in_float64,
    keeps_in_bfloat16,
)


def _assert_lies_in(value: Any, space: Spaces, n: int, what: str) -> None:
    if isinstance(space, tuple):
        assert len(value) == len(space), f"{what} gives {len(value)} tensors, not {len(space)}"
        for one, part in zip(value, space, strict=True):
            _assert_lies_in(one, part, n, what)
        return
    wanted = (n, *space.shape)
    assert tuple(value.shape) == wanted, f"{what} has shape {tuple(value.shape)}, not {wanted}"
    assert value.isfinite().all(), f"{what} is not finite"
    if space.values == "real":
        return
    low, high, most = value.min().item(), value.max().item(), space.size - 1 if space.values == "index" else 1
    assert low >= 0, f"{what} goes down to {low}"
    assert high <= most, f"{what} goes up to {high}"


def _assert_close(value: Tensor, wanted: Tensor, what: str) -> None:
    difference = (value - wanted).abs().max().item()
    assert difference <= ROUNDING, f"{what} changes pictures by {difference}"


def _assert_refused(model: Any, verb: str, bad: Any) -> None:
    n = len(bad) if isinstance(bad, Tensor) and bad.dim() else 2
    try:
        getattr(model, verb)(bad, **given(model, n))
    except InvalidInput:
        return
    raise AssertionError(f"{model.name}.{verb} takes {type(bad).__name__} {getattr(bad, 'shape', bad)}")
