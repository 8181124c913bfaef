"""Which models can be compared on a page: those to which the same picture or the same code can be given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genzoo.catalog import list_models, show
from genzoo.errors import GenzooError
from genzoo.models import Model
from genzoo.registry import load_target, registry
from genzoo.spec import DatasetSpec, Family, ModelSpec, Space, Spaces

__all__ = ["Kind", "peers_of"]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What decides whether two models can be compared.

    Attributes:
        data: the space of x.
        pictures: the data set whose pictures it models, grey digits of binarised ones; "" where that is not known.
        code: the space of its codes; None where the record does not tell.
        encodes: whether it has an encoder.
    """

    data: Spaces
    pictures: str
    code: Spaces | None
    encodes: bool

    @classmethod
    def of(cls, spec: ModelSpec, dataset: str) -> Kind | None:
        """That of a model trained on a data set, "" for none; None if it does not decode."""
        try:
            family: Any = load_target(registry().find(Family, spec.family).target, f"family {spec.family}")
        except GenzooError:  # its plugin is missing or broken
            return None
        if not hasattr(family, "decode"):
            return None
        spaces = spec.spaces
        return cls(
            data=spaces["data"],
            pictures=_pictures(dataset),
            code=spaces.get("code"),
            encodes=hasattr(family, "encode"),
        )

    def fits(self, other: Kind) -> bool:
        """Whether the two can be compared."""
        same_data = self.data == other.data and (self.pictures == other.pictures or not self.pictures)
        same_code = isinstance(self.code, Space) and self.code == other.code
        return same_data and (same_code or (self.encodes and other.encodes))


def _pictures(dataset: str) -> str:
    try:
        return registry().find(DatasetSpec, dataset).pictures or dataset if dataset else ""
    except GenzooError:
        return dataset


def peers_of(model: Model) -> tuple[str, ...]:
    """The names of the checkpoints that a model can be compared with."""
    own = Kind.of(model.spec, model.checkpoint.dataset if model.checkpoint else "")
    records = [show(name) for name in list_models() if name != model.name]
    kinds = {record.name: Kind.of(record.spec, record.dataset) for record in records}
    return tuple(name for name, kind in kinds.items() if own and kind and own.fits(kind))
