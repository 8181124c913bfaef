"""Editing pictures: what they show is read from them, and what excludes each other is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genzoo.api.build import load
from genzoo.api.features import seer
from genzoo.arguments import typed
from genzoo.batch import NOTHING
from genzoo.catalog import find_data
from genzoo.errors import InvalidInput
from genzoo.models import Model
from genzoo.models.given import check_known, settled

__all__ = ["Edit", "edit"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Edit:
    """Edited pictures, and what the model was told of them.

    Attributes:
        x: (n, *input_shape), the edited ones.
        original: what the model was told that they showed, by name, a row for each.
        told: and what they were to show.
        seen: the columns of `original` that a feature network read from the pictures.
        seen_by: that network's name, or "".
        asked: the columns that were asked for.
    """

    x: Tensor
    original: Mapping[str, Tensor]
    told: Mapping[str, Tensor]
    seen: tuple[str, ...] = ()
    seen_by: str = ""
    asked: tuple[str, ...] = ()

    def gave_way(self, i: int) -> tuple[str, ...]:
        """The columns of picture i that are told otherwise than it showed, though nobody asked for that."""
        others = (name for name, rows in self.told.items() if name not in self.asked and not rows.is_floating_point())
        return tuple(name for name in others if not torch.equal(self.original[name][i], self.told[name][i]))


@typed
def edit(model: Model | str | Path, x: Tensor, *, original: Mapping[str, Any] = NOTHING, **given: Any) -> Edit:
    """Pictures with what is told of them changed: ``genzoo.edit("vae-conv-mnist-label", x, label=5).x``.

    It is `Model.edit`, told as much as can be known. The feature network of the model's data set, if it has one, reads
    from the pictures what nobody says that they show. Where values exclude each other, as the data set says, those that
    pictures have give way to those that are asked for.

    Args:
        model: a model, or its name as in `load`.
        x: (n, *input_shape), values as `encode` takes them.
        original: what x shows, by name, one value for all or one for each.
        given: what the edited pictures are to show, in the same way.

    Raises:
        UnsupportedVerb: the model is told nothing, or does not encode and decode.
        InvalidInput: nothing is asked for; what is asked for excludes itself; x, a column or a value that cannot be
            used; a column that must be told, is not, and cannot be read.
    """
    model = model if isinstance(model, Model) else load(model)
    change, columns = model.edit, model.spec.given  # refused here if it cannot
    check_known(columns, given, f"{model.name}.edit")
    check_known(columns, original, f"{model.name}.edit")
    if not given:
        raise InvalidInput(f"{model.name}.edit: say what is to change; it is told {', '.join(columns)}")
    x = model.checked(x, "data", "edit")
    known = {name: values for name, values in original.items() if values is not None}
    network = seer(model) if columns.keys() - known.keys() else None
    seen = {} if network is None else _seen(network, model, x)
    before = model.told({**seen, **known}, len(x), "edit: original")
    asked = {name: model.told({**before, name: value}, len(x), "edit")[name] for name, value in given.items()}
    dataset = find_data(model.checkpoint) if model.checkpoint else None
    after = settled(columns, dataset.exclusions if dataset else (), asked, before)
    return Edit(
        x=change(x, original=before, **after),
        original=before,
        told=after,
        seen=tuple(name for name in seen if name not in known),
        seen_by=network.name if network else "",
        asked=tuple(given),
    )


def _seen(network: Model, model: Model, x: Tensor) -> dict[str, Tensor]:
    """What a feature network sees in x of the columns that a model is told."""
    with torch.no_grad():
        logits = network.by_column(network.classify(x.to(network.reference.dtype)))
    return {
        name: values.argmax(1)
        for name, values in logits.items()
        if name in model.spec.given and model.spec.given[name].space == network.predicts[name].space
    }
