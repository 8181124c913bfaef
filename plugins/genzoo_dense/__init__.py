"""Fully connected networks for all four roles."""

from __future__ import annotations

from collections.abc import Iterable

from genzoo import Architecture, Field, Record, hookimpl, shipped

GENZOO_API = 2

DENSE = Architecture(
    name="dense",
    summary="fully connected layers; takes data of any shape",
    roles={
        "encoder": "genzoo_dense.nets:DenseEncoder",
        "decoder": "genzoo_dense.nets:DenseDecoder",
        "generator": "genzoo_dense.nets:DenseDecoder",
        "discriminator": "genzoo_dense.nets:DenseDiscriminator",
    },
    config={
        "hidden": Field(
            kind="ints",
            doc="units of the hidden layers from the data to the latent side",
            default=(512, 256),
            minimum=1,
            maximum=16384,
        ),
        "activation": Field(
            kind="str",
            doc="activation of the hidden layers",
            default="relu",
            choices=("relu", "leaky_relu", "tanh"),
        ),
    },
    sample_block=512,
    shapes=((1, 28, 28), (3, 32, 32), (1, 28, 24), (2,)),
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (DENSE, *shipped(__file__))
