"""How a model shows itself in a notebook. Pillow is imported when it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genzoo import notebook
from genzoo.models.given import each_in_turn
from genzoo.protocols import Generator

if TYPE_CHECKING:
    from genzoo.models import Model

__all__ = ["bundle"]

SAMPLES = 16


def bundle(model: Model, include: object = None, exclude: object = None) -> dict[str, str]:
    """What a model is by media type: text, HTML, and for one that samples a PNG of 16 pictures or of many points.

    The samples are those of seed 0, of each class in turn where the model is told one.
    """
    html = model.checkpoint._repr_html_() if model.checkpoint else notebook.heading(model.name, repr(model))
    shown = {"text/plain": repr(model), "text/html": html}
    if not isinstance(model, Generator):
        return shown
    from genzoo.pictures import draw, how_many, is_drawable, is_picture, png

    shape = model.input_shape
    count = SAMPLES if is_picture(shape) else how_many(shape)
    given = each_in_turn(model.spec.given, count)
    if is_drawable(shape) and given is not None:
        drawn = png(draw(model.sample(count, seed=0, **given)))
        shown["text/html"] += notebook.picture(drawn, f"Samples of {model.name}")
        shown["image/png"] = notebook.encoded(drawn)
    return shown
