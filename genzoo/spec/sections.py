"""The sections of a recipe that core itself reads. Each field declares its check; see `fields_of`."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Annotated, Literal

from genzoo.fields import Field

__all__ = ["Evaluation", "Optimizer", "Training"]


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """``[optimizer]``, or ``[optimizer.<player>]``: how parameters follow their gradient."""

    name: Annotated[
        Literal["adam", "adamw", "sgd"],
        Field(kind="str", doc="the optimizer, one of torch.optim", choices=("adam", "adamw", "sgd")),
    ] = "adam"
    learning_rate: Annotated[float, Field(kind="float", doc="step size", minimum=1e-8, maximum=1.0)] = 1e-3
    beta1: Annotated[float, Field(kind="float", doc="decay of Adam's first moment", minimum=0.0, maximum=0.9999)] = 0.9
    every: Annotated[int, Field(kind="int", doc="the player moves at every so many steps", minimum=1, maximum=1000)] = 1
    beta2: Annotated[float, Field(kind="float", doc="decay of Adam's second moment", minimum=0.0, maximum=0.999999)] = (
        0.999
    )
    momentum: Annotated[float, Field(kind="float", doc="that of sgd; 0 for none", minimum=0.0, maximum=0.9999)] = 0.0
    weight_decay: Annotated[
        float,
        Field(
            kind="float",
            doc="weights decay by so much: in the gradient, and apart from it with adamw; 0 for none",
            minimum=0.0,
            maximum=1.0,
        ),
    ] = 0.0
    clip: Annotated[
        float, Field(kind="float", doc="largest norm of the player's gradient; 0 for any", minimum=0.0, maximum=1e9)
    ] = 0.0


@dataclass(frozen=True, kw_only=True)
class Training:
    """``[training]``: how long, how much at a time, in which order and precision."""

    epochs: Annotated[
        int,
        Field(kind="int", doc="passes over the data; 0: training.steps says how long", minimum=0, maximum=1_000_000),
    ] = 0
    steps: Annotated[
        int, Field(kind="int", doc="steps of the run; 0: as many as epochs have", minimum=0, maximum=1_000_000_000)
    ] = 0
    batch_size: Annotated[
        int, Field(kind="int", doc="examples in a step, of all processes together", minimum=1, maximum=65536)
    ] = 128
    accumulate: Annotated[
        int, Field(kind="int", doc="micro-batches a step is cut into, to save memory", minimum=1, maximum=65536)
    ] = 1
    start: Annotated[
        str,
        Field(kind="str", doc="checkpoint of the same networks whose weights are the first: NAME, or NAME@SHA256"),
    ] = ""
    seed: Annotated[
        int, Field(kind="int", doc="seed of initial weights, order and noise", minimum=0, maximum=2**62)
    ] = 0
    schedule: Annotated[
        Literal["constant", "cosine"],
        Field(
            kind="str", doc="learning rate over the run: constant, or cosine down to 0", choices=("constant", "cosine")
        ),
    ] = "constant"
    warmup_steps: Annotated[
        int, Field(kind="int", doc="steps of linear rise to the learning rate", minimum=0, maximum=1_000_000)
    ] = 0
    ema: Annotated[
        float,
        Field(
            kind="float",
            doc="decay of the exponential moving average of the weights that is saved; 0 for none",
            minimum=0.0,
            maximum=0.99999,
        ),
    ] = 0.0
    drop_given: Annotated[
        float,
        Field(
            kind="float",
            doc="share of examples that are not told a column, so that it may be left out when the "
            "model is used; 0: always told",
            minimum=0.0,
            maximum=0.9,
        ),
    ] = 0.0
    flip: Annotated[bool, Field(kind="bool", doc="mirror every other picture at random, left for right")] = False
    shift: Annotated[
        float,
        Field(
            kind="float",
            doc="move each picture at random by up to this share of its sides; edges are repeated",
            minimum=0.0,
            maximum=0.5,
        ),
    ] = 0.0
    precision: Annotated[
        Literal["float32", "bf16"],
        Field(kind="str", doc="precision of the forward pass", choices=("float32", "bf16")),
    ] = "float32"
    compile: Annotated[bool, Field(kind="bool", doc="torch.compile the losses (needs a C++ compiler)")] = False
    workers: Annotated[
        int,
        Field(
            kind="int",
            doc="processes that read picture files ahead; 0: none, -1: as many as are useful here",
            minimum=-1,
            maximum=256,
        ),
    ] = -1

    def steps_of(self, examples: int) -> int:
        """The steps of a run on so many examples. An epoch leaves out what fills no batch."""
        return self.steps or examples // self.batch_size * self.epochs

    def epochs_of(self, examples: int) -> int:
        """The epochs of that run; the last one may be a part of one."""
        return self.epochs or ceil(self.steps / (examples // self.batch_size))


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """``[evaluation]``: how the model is measured."""

    importance_draws: Annotated[
        int,
        Field(
            kind="int",
            doc="draws of the importance weighted bound that is reported as −log p(x); 0 for none",
            minimum=0,
            maximum=1_000_000,
        ),
    ] = 0
    features: Annotated[
        str,
        Field(
            kind="str",
            doc="checkpoint in whose features samples and pictures are compared; "
            "else the network that the data set names",
        ),
    ] = ""
