"""A model in eval mode, while the caller's model keeps its own mode.

`model.eval()` would change what the caller and other threads see: a training loop, or layers that were frozen one by
one. So a verb runs on a view: new modules around the same parameters, buffers and hooks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any, TypeVar

from torch import nn

__all__ = ["in_eval_mode", "is_view", "traced_in_eval_mode"]

M = TypeVar("M", bound=nn.Module)
Memo = dict[int, nn.Module]

_MARK = "_is_view"
_OWN = frozenset({*nn.Module().__dict__, _MARK})
"""The attributes that every module has; others may refer to modules too."""


def is_view(module: nn.Module) -> bool:
    """Whether a module comes from `in_eval_mode`."""
    return _MARK in module.__dict__


def in_eval_mode(module: M) -> M:
    """A view of `module` and all modules in it, in eval mode.

    It shares parameters, buffers, hooks and all other attributes; only the modules are new, so that setting an
    attribute of the view leaves `module` as it is. It costs about 2 µs a module, and is made for each call: a view that
    is kept would not see attributes that change.
    """
    return _view(module, {})


@contextmanager
def traced_in_eval_mode(module: nn.Module) -> Iterator[None]:
    """The modules themselves in eval mode, while torch.compile or torch.export traces them.

    The first cannot follow a view, and the second would not know the modules by their names. What was compiled sets no
    mode when it runs.
    """
    training = [part for part in module.modules() if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True


def _view(module: M, memo: Memo) -> M:
    if (known := memo.get(id(module))) is not None:
        return known  # type: ignore[return-value]  # it is the view of this very module
    state = module.__dict__.copy()
    state["training"], state[_MARK] = False, True
    modules = state["_modules"]
    if _is_compiled(state) and any(part.training for part in module.modules()):
        # What torch.compile made refers to the modules themselves, and they are in training mode.
        if "_orig_mod" in modules:
            return _view(modules["_orig_mod"], memo)  # type: ignore[no-any-return]  # in the place of an M
        state["_compiled_call_impl"] = None
    view = memo[id(module)] = object.__new__(type(module))
    if modules:
        state["_modules"] = {key: None if part is None else _view(part, memo) for key, part in modules.items()}
    if not type(module).__module__.startswith("torch.nn.modules."):  # those refer to modules in no other way
        for key in state.keys() - _OWN:
            state[key] = _seen(state[key], memo)
    object.__setattr__(view, "__dict__", state)
    return view


def _is_compiled(state: dict[str, Any]) -> bool:
    return state.get("_compiled_call_impl") is not None or "_orig_mod" in state["_modules"]


def _seen(value: Any, memo: Memo) -> Any:
    """An attribute, with views in place of the modules that it refers to: itself, in a list, or by a bound method."""
    if isinstance(value, nn.Module):
        return _view(value, memo)
    if isinstance(value, MethodType) and isinstance(value.__self__, nn.Module):
        return MethodType(value.__func__, _view(value.__self__, memo))
    if type(value) in (list, tuple) and any(isinstance(item, nn.Module) for item in value):
        return type(value)(_seen(item, memo) for item in value)
    if type(value) is dict and any(isinstance(item, nn.Module) for item in value.values()):
        return {key: _seen(item, memo) for key, item in value.items()}
    return value
