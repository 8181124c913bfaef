"""Runs of a few steps without noise, for one process and for several: ``torchrun -m tests.training.shares FOLDER``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

import genzoo
from genzoo.batch import Batch
from genzoo.models import Model
from genzoo.objectives import adversarial, reconstruction
from genzoo.training import Losses, Run, fit
from genzoo.training.processes import Processes
from tests.training.test_loop import PLAIN, grey, recipe

SHAPE = (1, 8, 8)
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model, what it learns and how, by gradient descent: a weight is as far off as the gradients are."""

    name: str
    losses: Losses
    config: dict[str, Any] = field(default_factory=lambda: {"hidden": [16]})
    training: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)

    def model(self) -> Model:
        return genzoo.create(self.name, input_shape=SHAPE, latent_dim=3, seed=0, **self.config)

    def run(self, folder: Path, processes: Processes) -> Model:
        settings = {**PLAIN, "epochs": 3, "batch_size": 16, **self.training}
        wanted = recipe({"name": "sgd", "learning_rate": 0.3, **self.optimizer}, **settings)
        run = Run(folder)
        if processes.main:
            run.begin(wanted, data="", examples=100, resume=False)
        with processes.main_first():
            pass  # the folder is there
        with noise_of_the_data():
            return fit(self.model(), self.losses, grey(), wanted, run, processes=processes)


@contextmanager
def noise_of_the_data() -> Iterator[None]:
    """GANs draw fresh noise: here it is a part of the batch that they see, which the processes share."""
    with patch.object(adversarial, "_pictures", pictures), patch.object(torch, "rand", shares):
        yield


def pictures(model: Any, batch: Batch) -> Tensor:
    made: Tensor = model.generate(2 * batch.x.flatten(1)[:, :3] - 1)
    shares.x = batch.x  # type: ignore[attr-defined]  # a function's own
    return made


def shares(*size: int, **options: Any) -> Tensor:
    x: Tensor = shares.x  # type: ignore[attr-defined]  # as above
    return x.flatten(1)[:, 5].view(size)


def likelihood(model: Any, batch: Batch) -> dict[str, Tensor]:
    """−log p(x | the mean of z): an ELBO without its draw."""
    return {"loss": -model.likelihood(model.posterior(batch.x).mean).log_prob(batch.x.round())}


def r1(model: Any, batch: Batch) -> dict[str, Tensor]:
    return adversarial.r1_discriminator(model, batch, gamma=1.0)


def penalty(model: Any, batch: Batch) -> dict[str, Tensor]:
    return adversarial.wasserstein_critic(model, batch, penalty=10.0)


def inverted(model: Any, batch: Batch) -> dict[str, Tensor]:
    """A critic of pictures and their negatives."""
    return {"loss": F.softplus(-model.logits(batch.x)) + F.softplus(model.logits(1 - batch.x))}


def against(critic: Any) -> Losses:
    return {"discriminator": critic, "generator": adversarial.non_saturating_generator}


SLOW = {"learning_rate": 0.02}
CONV = {"width": 8, "hidden": 16}
SPECTRAL = {"width": 4, "critic_norm": "spectral"}
ERROR: Losses = {"model": reconstruction.squared_error}
CASES = {
    "ae": Case(name="ae-dense", losses=ERROR),
    "convolutions": Case(name="ae-conv", losses=ERROR, config={**CONV, "norm": "none"}),
    "vae": Case(name="vae-dense", losses={"model": likelihood}, optimizer=SLOW),
    "micro-batches": Case(name="vae-dense", losses={"model": likelihood}, optimizer=SLOW, training={"accumulate": 2}),
    "clipped": Case(name="vae-dense", losses={"model": likelihood}, optimizer={"clip": 0.1}),
    "gan": Case(name="gan-dense", losses=against(adversarial.discriminator), optimizer=SLOW),
    "r1": Case(name="gan-dense", losses=against(r1), optimizer=SLOW),
    "r1 in micro-batches": Case(name="gan-dense", losses=against(r1), optimizer=SLOW, training={"accumulate": 2}),
    "gradient penalty": Case(name="gan-dense", losses=against(penalty), optimizer=SLOW),
    "spectral norm": Case(name="gan-dcgan", losses={"discriminator": inverted}, config=SPECTRAL, optimizer=SLOW),
    "batch norm": Case(name="ae-conv", losses=ERROR, config=CONV),
}


def main(folder: Path) -> None:
    """Every case in this process, which saves its weights."""
    processes = Processes.join(CPU)
    for name, case in CASES.items():
        model = case.run(folder / name, processes)
        safetensors.torch.save_file(model.state_dict(), folder / f"{name}-{processes.rank}")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
