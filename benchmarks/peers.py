"""The peers' trainers on genzoo's networks: a process that stays, in an environment of its own.

One argument, a task as JSON (see worker.py). Once all is imported and built it answers one line that says what it is;
then for each line it reads it trains anew and answers the seconds of the second epoch of two, what is saved at their
ends left out. It writes into the working directory.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, cast

import torch
import torchvision
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.pipelines import TrainingPipeline
from pythae.trainers import BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchgan.losses import MinimaxDiscriminatorLoss, MinimaxGeneratorLoss
from torchgan.models import Discriminator, Generator
from torchgan.trainer import Trainer
from torchvision.transforms import Compose, Normalize, ToTensor
from workload import BATCH, TextbookSet, images

import genzoo
from genzoo.cli.process import keep_memory

EPOCHS = 2


class PythaeEncoder(BaseEncoder):  # type: ignore[misc]  # untyped
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> ModelOutput:
        mean, log_var = self.network(x).chunk(2, dim=1)
        return ModelOutput(embedding=mean, log_covariance=log_var)


class PythaeDecoder(BaseDecoder):  # type: ignore[misc]  # untyped
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.network(z).sigmoid())


class EpochClock(TrainingCallback):  # type: ignore[misc]  # untyped
    """The seconds of the last epoch."""

    def on_epoch_begin(self, training_config: Any, **kwargs: Any) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, training_config: Any, **kwargs: Any) -> None:
        self.seconds = time.perf_counter() - self.start


def pythae_seconds(model: genzoo.Model, data: Tensor, learning_rate: float) -> float:
    """As its README trains: the set as one float tensor, a TrainingPipeline."""
    settings = VAEConfig(input_dim=model.input_shape, latent_dim=model.latent_dim, reconstruction_loss="bce")
    vae = VAE(settings, encoder=PythaeEncoder(model.encoder), decoder=PythaeDecoder(model.decoder))
    trainer = BaseTrainerConfig(
        output_dir="pythae", num_epochs=EPOCHS, per_device_train_batch_size=BATCH, learning_rate=learning_rate
    )
    clock = EpochClock()
    TrainingPipeline(model=vae, training_config=trainer)(train_data=data, callbacks=[clock])
    return clock.seconds


class TorchganGenerator(Generator):  # type: ignore[misc]  # untyped
    def __init__(self, network: nn.Module, latent_dim: int) -> None:
        super().__init__(latent_dim)
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(self.network(z))


class TorchganDiscriminator(Discriminator):  # type: ignore[misc]  # untyped
    def __init__(self, network: nn.Module, channels: int) -> None:
        super().__init__(channels)
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.network(x))


class TimedLoader(DataLoader[Any]):
    """A DataLoader that knows the seconds from the first batch asked for to the end of the last step."""

    seconds = 0.0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # all a for loop needs
        start = time.perf_counter()
        yield from super().__iter__()
        self.seconds = time.perf_counter() - start


def make_grid(*args: Any, **options: Any) -> Tensor:
    """torchvision's, which calls value_range what torchgan 0.1.0 still calls range; it draws the end of an epoch."""
    options["value_range"] = options.pop("range", None)
    return cast(Tensor, MAKE_GRID(*args, **options))


MAKE_GRID, torchvision.utils.make_grid = torchvision.utils.make_grid, make_grid


def torchgan_seconds(model: genzoo.Model, data: TextbookSet, learning_rate: float) -> float:
    """As its tutorials train: torchvision's set through a DataLoader, the models as a table."""
    adam = {"name": torch.optim.Adam, "args": {"lr": learning_rate, "betas": (0.5, 0.999)}}
    generator = {"network": model.generator, "latent_dim": model.latent_dim}
    discriminator = {"network": model.discriminator, "channels": model.input_shape[0]}
    trainer = Trainer(
        {
            "generator": {"name": TorchganGenerator, "args": generator, "optimizer": adam},
            "discriminator": {"name": TorchganDiscriminator, "args": discriminator, "optimizer": adam},
        },
        [MinimaxGeneratorLoss(), MinimaxDiscriminatorLoss()],
        device=torch.device("cpu"),
        epochs=EPOCHS,
        sample_size=64,
    )
    loader = TimedLoader(data, BATCH, shuffle=True)
    trainer(loader)
    return loader.seconds


def rounds(task: dict[str, Any]) -> tuple[str, Callable[[], float]]:
    """The peer for a task's family, and one round of it with a new model."""
    source, rate = images(task["steps"], task["config"]["input_shape"]), task["learning_rate"]

    def model() -> genzoo.Model:
        return genzoo.create(task["name"], **task["config"])

    if task["name"].startswith("vae-"):
        grey = source / 255.0
        return "pythae", lambda: pythae_seconds(model(), grey, rate)
    textbook = TextbookSet(source, Compose([ToTensor(), Normalize((0.5,), (0.5,))]))
    return "torchgan", lambda: torchgan_seconds(model(), textbook, rate)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # their progress bars and prints stay off the answers
    task = json.loads(sys.argv[1])
    if task["keep_memory"]:
        keep_memory()
    peer, seconds = rounds(task)
    print(f"{peer} {version(peer)}, torch {torch.__version__}", file=answers)
    for _ in sys.stdin:
        print(seconds(), file=answers)
