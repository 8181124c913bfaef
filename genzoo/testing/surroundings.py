"""Laws of what surrounds a model: the modes of its modules, other threads, and torch's defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from genzoo.testing.inputs import call, data, given, latents, same

__all__ = ["other_defaults", "verbs_ignore_the_defaults", "verbs_ignore_the_mode", "verbs_run_beside_training"]


def verbs_ignore_the_mode(model: Any) -> None:
    """In training mode, and with some modules in it and others frozen, a verb gives the same bits, changes no buffer
    and leaves the mode of each module as it was."""
    wanted = {verb: call(model, verb) for verb in model.verbs}
    state = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    modules = list(model.modules())
    try:
        for frozen, mode in ((0, "training mode"), (2, "training mode with frozen modules")):
            modes = [not frozen or place % frozen == 0 for place in range(len(modules))]
            _set_modes(modules, modes)
            for verb, value in wanted.items():
                assert same(call(model, verb), value), f"{model.name}.{verb} differs in {mode}"
                kept = [module.training for module in modules] == modes
                assert kept, f"{model.name}.{verb} changes the mode of modules in {mode}"
    finally:
        model.eval()
    changed = [key for key, tensor in model.state_dict().items() if not torch.equal(tensor, state[key])]
    assert not changed, f"{model.name}: verbs changed {changed}"


def verbs_run_beside_training(model: Any) -> None:
    """A verb gives the same bits if the model is put into training mode while it runs, as a thread that trains does."""
    wanted = {verb: call(model, verb) for verb in model.verbs}
    handles = [module.register_forward_pre_hook(lambda *_: _begin_training(model)) for module in model.modules()]
    try:
        for verb, value in wanted.items():
            model.eval()
            assert same(call(model, verb), value), f"{model.name}.{verb} differs if training begins meanwhile"
    finally:
        for handle in handles:
            handle.remove()
        model.eval()


def verbs_ignore_the_defaults(model: Any) -> None:
    """Verbs, and what looks at latents through them, give the same bits whatever torch's default dtype and default
    device are."""
    calls = _calls(model)
    wanted = {name: function() for name, function in calls.items()}
    with other_defaults():
        for name, function in calls.items():
            what = f"{model.name}.{name} under other defaults of torch"
            try:
                value = function()
            except Exception as error:  # whatever tensors of two dtypes or devices raise
                raise AssertionError(f"{what} raises {type(error).__name__}: {error!s:.200}") from error
            assert _same(value, wanted[name]), f"{what} gives something else"


@contextmanager
def other_defaults() -> Iterator[None]:
    """float64 and ``meta`` as torch's defaults, which nobody's tensors are."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            yield
    finally:
        torch.set_default_dtype(before)


def _set_modes(modules: Sequence[torch.nn.Module], modes: Sequence[bool]) -> None:
    for module, mode in zip(modules, modes, strict=True):
        module.training = mode


def _begin_training(model: Any) -> None:
    model.train()


def _calls(model: Any) -> dict[str, Callable[[], Any]]:
    """What a model can do, by name; what is given to it is made now."""
    calls: dict[str, Callable[[], Any]] = {verb: _verb(model, verb) for verb in model.verbs}
    if model.has("latent_dim"):
        calls |= _looks(model)
    if "sample" in model.verbs:
        calls["sample without a seed"] = lambda: len(model.sample(1, **given(model, 1)))
    return calls


def _looks(model: Any) -> dict[str, Callable[[], Any]]:
    """The functions that look at the latents of a model, as far as it has the verbs for them."""
    x, z, told, one = data(model, 2), latents(model, 2), given(model, 2), given(model, 1)
    has = torch.tensor([True, False], device=model.device)
    calls: dict[str, Callable[[], Any]] = {}
    if "decode" in model.verbs:
        calls["traverse"] = lambda: model.traverse(z, latent=0, steps=3, **told)
        calls["interpolate"] = lambda: model.interpolate(z[:1], z[1:], 3, **one)
        calls["interpolate spherically"] = lambda: model.interpolate(z, 2 * z, 3, mode="spherical", **told)
    if "decode" in model.verbs and model.latent_dim == 2:
        calls["manifold"] = lambda: model.manifold(2, **told)
        calls["manifold with extent"] = lambda: model.manifold(2, extent=1.0, **told)
    if "encode" in model.verbs:
        calls["latents"] = lambda: model.latents(x, **told)
        calls["attribute_vector"] = lambda: model.attribute_vector(x, has, **told)
    return calls


def _verb(model: Any, verb: str) -> Callable[[], Tensor]:
    return lambda: call(model, verb)


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, tuple) and isinstance(wanted[0], Tensor):
        return all(map(_same, value, wanted))
    if not isinstance(wanted, Tensor):
        return bool(value == wanted)
    return value.dtype == wanted.dtype and value.device == wanted.device and torch.equal(value, wanted)
