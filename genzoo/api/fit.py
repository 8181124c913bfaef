"""fit_prior: a density of the codes of a trained model, by a recipe that is written here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from genzoo.api.defaults import plain_defaults
from genzoo.api.train import train
from genzoo.arguments import typed
from genzoo.catalog import find_checkpoint, is_path
from genzoo.errors import InvalidInput, did_you_mean
from genzoo.files import user_path
from genzoo.hub.reference import is_reference
from genzoo.models import Model
from genzoo.registry import load_target, registry
from genzoo.spec import Architecture, DatasetSpec
from genzoo.training import Progress

__all__ = ["fit_prior"]

ROLE = "prior"
MAX_NAME = 64
AT_ONCE: Mapping[str, Mapping[str, Any]] = {"objective": {"name": "em"}, "training": {"epochs": 1}}
BY_GRADIENT: Mapping[str, Mapping[str, Any]] = {
    "objective": {"name": "maximum-likelihood"},
    "training": {"epochs": 20, "batch_size": 256, "schedule": "cosine"},
    "optimizer": {"learning_rate": 1e-3, "clip": 10.0},
}


@typed
@plain_defaults()
def fit_prior(
    name: str | Path,
    *,
    prior: str = "gmm",
    given: Collection[str] = (),
    overrides: Mapping[str, Any] | None = None,
    data_root: str | Path | None = None,
    output: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
    device: str | torch.device = "auto",
    progress: bool = True,
    note: Callable[[str], None] | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Model:
    """Fit a prior to the codes that a trained model gives its training data; returns the model that samples by it.

    It is `train` with the recipe of family ``prior`` that follows from the arguments: the run folder holds the recipe,
    and in the end a checkpoint, of the prior alone. That stands on the first stage by name and sha256; one that is a
    folder of this machine is copied into the run folder.

    Args:
        name: the first stage, which encodes and decodes: an autoencoder's or VAE's name or folder, as in `load`.
        prior: an architecture of the role ``prior``: ``gmm``, a mixture of Gaussians.
        given: columns of the data, ``["label"]``, each of whose values gets a prior of its own.
        overrides: other values for keys of the recipe, ``{"model.components": 100}``.
        data_root: as in `train`.
        output: the run folder; ``runs/<name>-<prior>`` without one.
        resume: as in `train`.
        force: as in `train`.
        device: as in `load`.
        progress: as in `train`.
        note: as in `train`.
        report: as in `train`.

    Raises:
        NotFound: no such checkpoint.
        InvalidInput: no such prior, a first stage without flat codes, or fewer codes than there are components.
        OutputExists: there is a run in `output` already.
    """
    found = find_checkpoint(name)
    first, folders = found.record, {"first_stage": user_path(name)} if is_path(name) else {}
    part = first.name if folders else first.pin if is_reference(name) else str(name)
    dataset = registry().find(DatasetSpec, first.dataset, prefer=found.owner)
    shape = {"input_shape": list(first.input_shape)} if dataset.shape is None else {}
    told = {"given": list(given)} if given else {}
    way = AT_ONCE if _fits_at_once(prior) else BY_GRADIENT
    table = {
        "name": "-".join([first.name, prior.rpartition(":")[2], *given])[:MAX_NAME],
        "license": first.license or "unstated",
        **way,
        "model": {"family": ROLE, "architecture": prior, "parts": {"first_stage": part}, **told, **shape},
        "data": {"name": first.dataset},
    }
    return train(
        table,
        overrides=overrides,
        data_root=data_root,
        output=output,
        parts=folders,
        resume=resume,
        force=force,
        device=device,
        progress=progress,
        note=note,
        report=report,
    )


def _fits_at_once(prior: str) -> bool:
    """Whether an architecture has a prior that is fitted without gradients; InvalidInput if it has none."""
    known = {shown: record for shown, _, record in registry().entries(Architecture) if ROLE in record.roles}
    if prior not in known:
        hint, near = did_you_mean(prior, known)
        raise InvalidInput(f"no prior is called {prior!r:.80}{hint} (known: {', '.join(known)})", suggestions=near)
    return hasattr(load_target(known[prior].roles[ROLE], prior), "estimate")
