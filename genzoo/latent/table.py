"""What each latent is used for: measured on examples, or as the record of a checkpoint tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from genzoo import notebook
from genzoo.batch import Batch
from genzoo.errors import InvalidInput
from genzoo.protocols import Encoder, Generator

if TYPE_CHECKING:
    from genzoo.models import Model

__all__ = ["ACTIVE", "BLOCK", "COLLAPSED", "Latent", "Latents", "active", "latents", "scale_of", "statistics"]

ACTIVE = 0.01  # nats of mean KL, above which a latent of a VAE is used
COLLAPSED = 1e-4  # of the largest variance, up to which one of an autoencoder is not: its codes have any scale
BLOCK = 500  # rows that are computed at once
KEYS = ("kl_per_latent", "mean_per_latent", "std_per_latent")
HEADER = ("latent", "KL (nats)", "standard deviation", "", "label")
_USED = {True: "active", False: "collapsed", None: ""}


@dataclass(frozen=True, kw_only=True)
class Latent:
    """What is known of one latent; None for what is not.

    Attributes:
        index: its place in z.
        kl: the mean of KL(q(z_j | x) ‖ p(z_j)) over examples, in nats.
        mean: of its codes over examples.
        std: their standard deviation.
        active: whether it is used; False where it has collapsed.
        label: what a person has seen it do; "" for nothing.
    """

    index: int
    kl: float | None = None
    mean: float | None = None
    std: float | None = None
    active: bool | None = None
    label: str = ""

    def told(self) -> str:
        """In words: ``latent 3 (KL 2.3, width)``."""
        known = ["" if self.kl is None else f"KL {self.kl:.3g}", self.label]
        more = ", ".join(filter(None, known))
        return f"latent {self.index}" + (f" ({more})" if more else "")

    def cells(self) -> tuple[str, ...]:
        """The row of a table: see `HEADER`."""
        return str(self.index), notebook.cell(self.kl), notebook.cell(self.std), _USED[self.active], self.label


class Latents(tuple[Latent, ...]):
    """The latents of a model, the most informative first: by KL, or by standard deviation where there is no prior."""

    __slots__ = ()

    def __repr__(self) -> str:
        return notebook.text_table(HEADER, [latent.cells() for latent in self])

    def _repr_html_(self) -> str:
        return notebook.table(HEADER, [latent.cells() for latent in self])


def latents(model: Model, x: Float[Tensor, " n *data"] | None = None, **given: Any) -> Latents:
    """What each latent is used for, the most informative first.

    Args:
        model: any. Nothing is told of a GAN's latents but their indices: it has no codes.
        x: examples to measure on. Without them the table is that of the checkpoint's record, measured on its test set.
        given: what the model is told of them.

    Raises:
        UnsupportedVerb: the model has no encoder for x.
        InvalidInput: x cannot be encoded, or is empty; or something is given, and no x.
    """
    if x is None and given:
        raise InvalidInput(f"{model.name}.latents is told {', '.join(given)} of no examples; give x too")
    found = _recorded(model) if x is None else statistics(model, _examples(model, x, given))
    used = active(found)
    labels = model.checkpoint.labels if model.checkpoint else {}
    columns = {key.removesuffix("_per_latent"): values.tolist() for key, values in found.items()}
    columns |= {} if used is None else {"active": used.tolist()}
    rows = [
        Latent(index=j, label=labels.get(str(j), ""), **{key: values[j] for key, values in columns.items()})
        for j in range(model.latent_dim)
    ]
    return Latents(sorted(rows, key=lambda row: row.kl if row.kl is not None else row.std or 0.0, reverse=True))


def statistics(model: Model, batches: Iterable[Batch]) -> dict[str, Float[Tensor, " latent"]]:
    """``mean_per_latent`` and ``std_per_latent`` of the codes of all examples, and of a VAE ``kl_per_latent``, the mean
    of KL(q(z_j | x) ‖ p(z_j)) in nats; in float64, on the CPU.

    They are the detail of the metric `active_latents` too, so that `latents` and `scale_of` need no data.
    """
    with torch.no_grad():
        parts = [_codes_and_kl(model, batch) for batch in batches]
    codes, kl = (torch.cat(part) for part in zip(*parts, strict=True))
    found = {"mean_per_latent": codes.mean(0), "std_per_latent": codes.std(0, correction=0)}
    return {**found, "kl_per_latent": kl.mean(0)} if kl.numel() else found


def _codes_and_kl(model: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """The codes, (m, latent), and their KL, (m, 0) where there is no posterior."""
    if not model.has("kl_per_latent"):
        codes = model.encode(batch.x, **batch.given).cpu().double()
        return codes, codes[:, :0]
    posterior = model.posterior(batch.x, batch.given)
    return posterior.mean.cpu().double(), model.kl_per_latent(posterior).cpu().double()


def active(statistics: Mapping[str, Tensor]) -> Bool[Tensor, " latent"] | None:
    """Which latents are used: those with a mean KL above `ACTIVE` (Burda et al. 2015, §5.2, by KL); where there is no
    prior those with more than `COLLAPSED` of the largest variance. None where neither is known."""
    if "kl_per_latent" in statistics:
        return statistics["kl_per_latent"] > ACTIVE
    if "std_per_latent" not in statistics:
        return None
    variance = statistics["std_per_latent"] ** 2
    return variance > COLLAPSED * variance.max()


def scale_of(model: Model) -> tuple[Float[Tensor, " latent"], Float[Tensor, " latent"]]:
    """The mean and the standard deviation that values of each latent are counted in, on the CPU.

    0 and 1 where z ~ N(0, I) can be drawn; else those of the codes in the record, and 0 and 1 without such a record.
    """
    draws = isinstance(model, Generator) and model.has("noise")
    found = {} if draws else _recorded(model)
    mean = found.get("mean_per_latent", torch.zeros(model.latent_dim, dtype=torch.float32, device="cpu"))
    std = found.get("std_per_latent", torch.ones(model.latent_dim, dtype=torch.float32, device="cpu"))
    return mean.float(), std.float()


def _recorded(model: Model) -> dict[str, Tensor]:
    """The `statistics` in the record of a model, as far as it has them."""
    metrics = model.checkpoint.metrics if model.checkpoint and isinstance(model, Encoder) else {}
    number = metrics.get("active_latents")
    detail = number.detail if number else {}
    known = {key: detail[key] for key in KEYS if isinstance(detail.get(key), list)}
    numbers = {key: values for key, values in known.items() if all(isinstance(value, float) for value in values)}
    tensors = {key: torch.tensor(values, dtype=torch.float64, device="cpu") for key, values in numbers.items()}
    return {key: values for key, values in tensors.items() if len(values) == model.latent_dim}


def _examples(model: Model, x: Tensor, given: Mapping[str, Any]) -> Iterator[Batch]:
    model.encode  # noqa: B018  # refused here if it cannot
    if not len(x := model.checked(x, "data", "latents")):
        raise InvalidInput(f"{model.name}.latents wants at least one example")
    told = model.told(given, len(x), "latents")
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        yield Batch(x=x[rows], given={name: values[rows] for name, values in told.items()})
