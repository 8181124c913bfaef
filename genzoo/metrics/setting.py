"""What a model is measured on: examples, samples, and the features of both, each computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genzoo.batch import Batch
from genzoo.datasets import Split
from genzoo.datasets.files import Files
from genzoo.models import Model
from genzoo.randomness import stream
from genzoo.spec import Column, DatasetSpec, shared_columns
from genzoo.spec.sections import Evaluation

__all__ = ["BATCH", "LIMIT", "SEED", "Examples", "FeatureSpace", "Outcome", "Setting"]

BATCH = 500
LIMIT = 10_000
SEED = 0
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a metric found.

    `floor` is the same number of real pictures against real ones, or of the density that data were drawn from: what no
    model can be told to beat. `detail` holds numbers that go with it, or lists of them.
    """

    value: float
    floor: float | None = None
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureSpace:
    """In what pictures are compared.

    Attributes:
        label: the network's name and the start of its sha256, for protocols.
        dim: how many features.
        extract: pictures in [0, 1] -> (n, dim) features.
        device: where the network is.
        columns: what the network predicts from the features, by name; empty for nothing.
        predict: (n, dim) features -> the logits of the values of each column, (n, values), by name.
    """

    NEEDS: ClassVar = ("encode", "latent_dim", "head")

    label: str
    dim: int
    extract: Callable[[Tensor], Tensor]
    device: torch.device
    columns: Mapping[str, Column] = field(default_factory=dict)
    predict: Callable[[Tensor], Mapping[str, Tensor]] = lambda features: {}

    @classmethod
    def of(cls, network: Any) -> FeatureSpace:
        """The features of a checkpoint that meets the `NEEDS`: its codes, of which a linear function gives classes."""
        assert network.checkpoint is not None
        return cls(
            label=f"{network.name} {network.checkpoint.sha256[:12]}",
            dim=network.latent_dim,
            extract=network.encode,
            device=network.device,
            columns=network.predicts,
            predict=lambda features: network.by_column(network.head(features)),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Some examples of a split, always the same in the same order; `drawn` says that they are not all of it, `columns`
    are those that batches have, and `progress` is told the share of them that `map` is done with."""

    data: Split
    split: str
    order: Int[Tensor, " n"]
    drawn: bool = False
    columns: tuple[str, ...] = ()
    progress: Callable[[float], None] = lambda share: None

    def __len__(self) -> int:
        return len(self.order)

    @property
    def protocol(self) -> dict[str, Any]:
        """What a protocol says of them, once they are read: `replaced` counts pictures that others stand in for."""
        told: dict[str, Any] = {"split": self.split, "n": len(self)}
        if self.drawn:
            told["drawn"] = f"of {len(self.data)}, seed {SEED}"
        if isinstance(self.data.source, Files) and self.data.source.replaced:
            told["replaced"] = self.data.source.replaced
        if self.data.binarised:
            told["binarisation"] = f"dynamic, seed {SEED}"
        return told

    @property
    def labels(self) -> Int[Tensor, " n"] | None:
        return None if self.data.labels is None else self.data.labels[self.order]

    @property
    def given(self) -> dict[str, Tensor]:
        """The columns of all of them, on the CPU."""
        parts = [batch.given for batch in self.batches(torch.device("cpu"))] if self.columns else []
        return {name: torch.cat([part[name] for part in parts]) for name in self.columns}

    def column(self, name: str) -> Tensor:
        """What is known of all of them under a name, told or not, on the CPU."""
        return self.data.column(name, self.order)

    def batches(self, device: torch.device) -> Iterator[Batch]:
        """The examples in order. Random numbers are drawn on the CPU, so that every device has the same."""
        generator = stream("binarise", SEED)
        yield from self.data.batches(self.order, BATCH, device, generator=generator, columns=self.columns)

    def map(self, device: torch.device, each: Callable[[Batch, int], Tensor]) -> Float[Tensor, " n *values"]:
        """What `each` makes of every batch on the device and the index of its first example, in one float64 tensor on
        the CPU."""
        values, start = [], 0
        with torch.no_grad():
            for batch in self.batches(device):
                values.append(each(batch, start).cpu().double())
                start += len(batch)
                self.progress(start / len(self))
        return torch.cat(values)

    def all(self) -> Float[Tensor, " n *values"]:
        """The examples themselves, on the CPU."""
        return self.map(torch.device("cpu"), lambda batch, start: batch.x)

    def some(self, n: int, *, skip: int = 0) -> Examples:
        """At most n of them, drawn; with `skip`, those that come after so many in the same draw."""
        if len(self) <= n and not skip:
            return self
        draws = stream("evaluation", SEED, self.split)
        chosen = torch.randperm(len(self), generator=draws, device="cpu")[skip : skip + n]
        return replace(self, order=self.order[chosen], drawn=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """A model, and what it is measured on.

    Attributes:
        model: in eval mode.
        evaluation: that section of its recipe.
        dataset: what it was trained on.
        pictures: the data set whose pictures its samples are compared with.
        open_split: opens a split of one of the two.
        space: in what they are compared; None where there is no network for it.
        probability: whether the sigmoid of its discriminator's score is the probability of being real.
        limit: the most examples that it is measured on.
        progress: told the share of the examples in hand that are done with.
    """

    model: Model
    evaluation: Evaluation
    dataset: DatasetSpec
    pictures: DatasetSpec
    open_split: Callable[[DatasetSpec, str], Split]
    space: FeatureSpace | None = None
    probability: bool = False
    limit: int = LIMIT
    progress: Callable[[float], None] = lambda share: None

    @cached_property
    def examples(self) -> Examples:
        """What the model is measured on: at most `limit` examples of the test split, or of the first without one."""
        return self.all_of(self.dataset, self.dataset.held_out).some(self.limit)

    @cached_property
    def real(self) -> Examples:
        """The pictures that samples are compared with, chosen as `examples` are."""
        if self.pictures == self.dataset:
            return self.examples
        return self.all_of(self.pictures, self.pictures.held_out).some(self.limit)

    @property
    def has_training(self) -> bool:
        """Whether there is a training split beside one that is held out."""
        return _has_training(self.pictures)

    @cached_property
    def training(self) -> Examples | None:
        """The pictures of the training split, if it `has_training`."""
        return self.all_of(self.pictures, "train") if self.has_training else None

    def all_of(self, dataset: DatasetSpec, split: str) -> Examples:
        """All examples of a split."""
        data = self.open_split(dataset, split)
        order = torch.arange(len(data), device="cpu")
        columns = shared_columns(self.model.spec.given, dataset.columns, self.model.name, dataset.name)
        return Examples(data=data, split=split, order=order, columns=columns, progress=self.progress)

    def others(self, dataset: DatasetSpec, n: int) -> Examples | None:
        """n other examples of a data set than the n it is measured by: training ones if there are; None if there are
        fewer."""
        if _has_training(dataset):
            found = self.all_of(dataset, "train").some(n)
        else:
            found = self.all_of(dataset, dataset.held_out).some(n, skip=n)
        return found if len(found) == n else None

    @cached_property
    def real_features(self) -> Float[Tensor, "n d"]:
        return self._features(self.real)

    @cached_property
    def training_features(self) -> Float[Tensor, "m d"] | None:
        return None if self.training is None else self._features(self.training)

    @cached_property
    def floor_features(self) -> Float[Tensor, "n d"] | None:
        """Of the `others`, as many as there are pictures in `real`: they stand in the place of samples."""
        others = self.others(self.pictures, len(self.real))
        return None if others is None else self._features(others)

    @cached_property
    def sample_features(self) -> Float[Tensor, "n d"]:
        """Of as many samples as there are pictures in `real`, each told what is known of one of these."""
        samples: Tensor = self.model.sample(len(self.real), seed=SEED, **self.real.given)
        return torch.cat([self.extract(batch) for batch in torch.split(samples, BATCH)]).cpu().double()

    def _features(self, examples: Examples) -> Tensor:
        """On the CPU and in float64, in which covariances are the same on every machine."""
        assert self.space is not None
        return examples.map(self.space.device, lambda batch, start: self.extract(batch.x))

    def extract(self, x: Float[Tensor, " n *data"]) -> Float[Tensor, "n d"]:
        """The features of pictures."""
        assert self.space is not None
        with torch.no_grad():
            return self.space.extract(x)

    @cached_property
    def _found(self) -> dict[Any, Any]:
        return {}

    def once(self, compute: Callable[..., T], *options: Any) -> T:
        """``compute(self, *options)``, computed once for all metrics that ask for it."""
        if (compute, options) not in self._found:
            self._found[compute, options] = compute(self, *options)
        found: T = self._found[compute, options]
        return found

    def seen(self, features: Float[Tensor, "n d"]) -> dict[str, Int[Tensor, " n"]]:
        """The value of each column that the feature network sees in each picture."""
        assert self.space is not None
        with torch.no_grad():
            predicted = self.space.predict(features.float().to(self.space.device))
        return {name: logits.argmax(1).cpu() for name, logits in predicted.items()}


def _has_training(dataset: DatasetSpec) -> bool:
    return "train" in dataset.splits and dataset.held_out != "train"
