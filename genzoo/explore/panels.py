"""What the page shows of a model: panels, each for models that have what it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from genzoo.errors import InvalidInput
from genzoo.models import Model
from genzoo.pictures import is_drawable, is_picture
from genzoo.spec import Space, Spaces

__all__ = ["PANELS", "Panel", "check_shown", "code_of", "panels_of"]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A part of the page.

    Attributes:
        name: that it has in explore/web.
        needs: the verbs, methods, properties and spaces that a model must have.
        fits: whether a model that has them can be shown so.
    """

    name: str
    needs: tuple[str, ...]
    fits: Callable[[Model], bool] = lambda model: True


def _is_movable(code: Spaces) -> bool:
    return isinstance(code, Space) and code.values == "real"


def _draws_codes(model: Model) -> bool:
    """Whether its samples are what codes from N(0, I) decode to."""
    return model.sampler.partition(":")[0] == "prior" and model.spaces["noise"] == model.spaces["code"]


def _draws_otherwise(model: Model) -> bool:
    """Whether it samples what the page can show, and not as `_draws_codes` says."""
    codes = model.has("decode", "noise") and _draws_codes(model)
    return not (codes or _pictures_needed(model) or model.values == "index") and is_drawable(model.input_shape)


def _pictures_needed(model: Model) -> list[str]:
    """The pictures that it must be told, for which the page has no control."""
    return [name for name, column in model.spec.given.items() if column.is_picture and not column.optional]


PANELS = (
    Panel(name="sliders", needs=("decode", "latent_dim")),
    Panel(name="map", needs=("decode", "latent_dim"), fits=lambda model: model.latent_dim == 2),
    Panel(
        name="upload",
        needs=("decode", "encode"),
        fits=lambda model: _is_movable(model.spaces["code"]) and is_picture(model.input_shape),
    ),
    Panel(name="traverse", needs=("decode", "latent_dim")),
    Panel(name="interpolate", needs=("decode", "code"), fits=lambda model: _is_movable(model.spaces["code"])),
    Panel(name="samples", needs=("decode", "sample", "noise"), fits=_draws_codes),
    Panel(name="draws", needs=("sample",), fits=_draws_otherwise),
)
"""In the order of the page. A model that has none has no page."""


def panels_of(model: Model) -> tuple[str, ...]:
    """The names of a model's panels."""
    return tuple(panel.name for panel in PANELS if model.has(*panel.needs) and panel.fits(model))


def code_of(model: Model) -> Space:
    """The space of the codes that the page moves.

    Raises:
        UnsupportedVerb: the model does not decode.
        InvalidInput: its codes are several tensors, or indices, or it must be told a picture.
    """
    model.decode  # noqa: B018  # refused here if it cannot
    code = model.spaces["code"]
    if not (isinstance(code, Space) and _is_movable(code)):
        kind = "indices" if isinstance(code, Space) else f"{len(code)} tensors"
        raise InvalidInput(f"codes of {model.name} are {kind}, and the page moves real numbers; {_in_python(model)}")
    if needed := _pictures_needed(model):
        raise InvalidInput(
            f"{model.name} must be told pictures ({', '.join(needed)}), which the page does not ask for; "
            f"{_in_python(model)}"
        )
    return code


def check_shown(model: Model) -> None:
    """InvalidInput unless what the model makes are pictures, or points in one or two dimensions."""
    if model.values == "index" or not is_drawable(model.input_shape):
        raise InvalidInput(
            f"{model.name} has data of shape {model.input_shape}, which are neither pictures nor points in one or two "
            f"dimensions; {_in_python(model)}"
        )


def _in_python(model: Model) -> str:
    told = "".join(f", {name}=…" for name in model.spec.given)
    return f"in Python: genzoo.load({model.name!r}).decode(z{told})"
