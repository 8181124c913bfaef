"""How a network that knows nothing of conditions is told something: as more numbers of its code, or as more channels of
its input (Mirza & Osindero 2014; Sohn et al. 2015)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from genzoo.batch import NOTHING
from genzoo.errors import InvalidInput
from genzoo.spec import Column

__all__ = ["ColumnEmbedding", "FiLM", "conditioned", "run"]

WIDTH = 16
TEXT_WIDTH = 64
JOINED = ("encoder", "decoder", "generator", "discriminator")
"""The roles that can be told something without knowing it."""


class ColumnEmbedding(nn.Module):
    """Columns as one vector: (n, width) for the values of all columns but pictures.

    An index has a learned vector for each value and one more for "not told". A text is the mean of the vectors of its
    words. Other numbers stand for themselves, beside one that says whether they are told.

    Attributes:
        width: of the vector.
    """

    def __init__(self, columns: Mapping[str, Column]) -> None:
        super().__init__()
        self.wanted = tuple(columns)
        self.columns = {name: column for name, column in columns.items() if not column.is_picture}
        self.tables = nn.ModuleDict()
        for name, column in self.columns.items():
            if hasattr(self.tables, name):
                raise InvalidInput(f"a column cannot be called {name!r}, as torch's modules have that name: rename it")
            if column.space.values == "index":
                self.tables[name] = _table(column)
        self.width = sum(map(self.width_of, self.columns))

    def width_of(self, name: str) -> int:
        """How long the vector of one column is."""
        if name in self.tables:
            table = self.tables[name]
            assert isinstance(table, nn.Embedding)
            return table.embedding_dim
        return sum(self.columns[name].space.shape or (1,)) + 1

    def check(self, given: Mapping[str, Tensor]) -> None:
        """InvalidInput unless every column is given."""
        if missing := [name for name in self.wanted if name not in given]:
            raise InvalidInput(
                f"the networks of this model are told {', '.join(self.wanted)}, and no {missing[0]} is given: give "
                f"model.told({{{missing[0]!r}: …}}, n, 'posterior'), or use a verb, which does so"
            )

    def each(self, given: Mapping[str, Tensor]) -> list[Tensor]:
        """The vector of each column, (n, its width)."""
        return [self._vector(name, given[name]) for name in self.columns]

    def forward(self, given: Mapping[str, Tensor]) -> Tensor:
        return torch.cat(self.each(given), dim=1)

    def _vector(self, name: str, values: Tensor) -> Tensor:
        column = self.columns[name]
        if name not in self.tables:
            numbers = values[:, None] if values.dim() == 1 else values
            told = numbers.isnan().logical_not().all(1, keepdim=True)
            return torch.cat([numbers.nan_to_num(), told.to(numbers.dtype)], dim=1)
        vectors: Tensor = self.tables[name](values)
        if not column.is_text:
            return vectors
        told = (values < column.space.size)[..., None].to(vectors.dtype)
        return (vectors * told).sum(1) / told.sum(1).clamp(min=1)


def _table(column: Column) -> nn.Embedding:
    size = column.space.size + 1
    return nn.Embedding(size, TEXT_WIDTH if column.is_text else min(size, WIDTH))


class FiLM(nn.Module):
    """Feature-wise linear modulation: (1 + γ(c)) · x + β(c), where γ and β are linear in what is given as one vector c
    (Perez et al. 2018, eq. 2). It begins as the identity.

    Args:
        width: length of c, as ColumnEmbedding gives it.
        channels: of x, (n, channels, …).
    """

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 2 * channels)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, vector: Tensor) -> Tensor:
        scale, shift = self.linear(vector).to(x.dtype).view(*vector.shape[:1], -1, *[1] * (x.dim() - 2)).chunk(2, dim=1)
        result: Tensor = x * (1 + scale) + shift
        return result


class JoinedToCode(nn.Module):
    """A network of a code, to which what is given is joined: (n, *code) -> what the network gives."""

    def __init__(self, build: Callable[[Any], nn.Module], code: int | tuple[int, ...], columns: Mapping[str, Column]):
        super().__init__()
        if pictures := [name for name, column in columns.items() if column.is_picture]:
            raise InvalidInput(
                f"a picture ({pictures[0]}) cannot be joined to a code; take an architecture that is given a "
                f"{pictures[0]}"
            )
        self.embedding = ColumnEmbedding(columns)
        first, *rest = (code,) if isinstance(code, int) else code
        more = first + self.embedding.width
        self.network = build(more if isinstance(code, int) else (more, *rest))

    def forward(self, z: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        self.embedding.check(given)
        vector = self.embedding(given).to(z.dtype)
        result: Tensor = self.network(torch.cat([z, _spread(vector, z)], dim=1))
        return result


class BesideData(nn.Module):
    """A network of pictures, beside which each column is one more plane (of shape (h, w), linear in its vector) and
    each given picture its own planes; of vectors, to which all is joined."""

    def __init__(self, build: Callable[[Any], nn.Module], shape: tuple[int, ...], columns: Mapping[str, Column]):
        super().__init__()
        self.embedding = ColumnEmbedding(columns)
        self.pictures = [name for name, column in columns.items() if column.is_picture]
        first, *rest = shape
        more = 0
        for name in self.pictures:
            channels, *size = columns[name].space.shape
            if size != rest:
                raise InvalidInput(
                    f"{name} has pictures of {_by(size)} beside examples of {_by(rest)}: they must have one size, or "
                    f"take an architecture that is given a {name}"
                )
            more += channels
        if rest:
            widths = [self.embedding.width_of(name) for name in self.embedding.columns]
            self.planes = nn.ModuleList([nn.Linear(width, prod(rest), bias=False) for width in widths])
            more += len(widths)
        else:
            more += self.embedding.width
        self.network = build((first + more, *rest))

    def forward(self, x: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        self.embedding.check(given)
        parts = [x, *(given[name].nan_to_num().to(x.dtype) for name in self.pictures)]
        if x.dim() == 2:
            parts += [vector.to(x.dtype) for vector in self.embedding.each(given)]
        else:
            vectors = self.embedding.each(given)
            parts += [
                plane(vector).view(-1, 1, *x.shape[2:]).to(x.dtype)
                for plane, vector in zip(self.planes, vectors, strict=True)
            ]
        result: Tensor = self.network(torch.cat(parts, dim=1))
        return result


def conditioned(
    build: Callable[..., nn.Module], role: str, shape: tuple[Any, ...], columns: Mapping[str, Column], architecture: str
) -> nn.Module:
    """The network of a role that is told `columns`; `build` makes one that is not, of the arguments in `shape`.

    Raises:
        InvalidInput: it cannot be told of them.
    """
    if role not in JOINED:
        raise InvalidInput(
            f"{architecture} cannot be told {', '.join(columns)}: its {role} takes no columns; its author can name the "
            "role in Architecture.given"
        )
    takes, *others = shape

    def wider(first: Any) -> nn.Module:
        return build(first, *others)

    if role in ("decoder", "generator"):
        return JoinedToCode(wider, takes, columns)
    return BesideData(wider, tuple(takes), columns)


def run(network: Callable[..., Any], *inputs: Any, given: Mapping[str, Tensor]) -> Any:
    """What a role network makes of its inputs and of what is given; nothing is given to a model that is told
    nothing."""
    return network(*inputs, given=given) if given else network(*inputs)


def _spread(vector: Tensor, like: Tensor) -> Tensor:
    """A vector at every place of a map."""
    return vector.view(*vector.shape, *[1] * (like.dim() - 2)).expand(-1, -1, *like.shape[2:])


def _by(size: list[int]) -> str:
    return "×".join(map(str, size))
