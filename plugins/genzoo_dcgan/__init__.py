"""The networks of DCGAN."""

from __future__ import annotations

from collections.abc import Iterable

from genzoo import Architecture, Field, Record, hookimpl, shipped

GENZOO_API = 2

DCGAN = Architecture(
    name="dcgan",
    summary="generator and discriminator of DCGAN; height and width are b·2^n, b from 4 to 7, with the same n ≥ 1",
    roles={"generator": "genzoo_dcgan.nets:Generator", "discriminator": "genzoo_dcgan.nets:Discriminator"},
    config={
        "width": Field(
            kind="int",
            doc="channels at the finest level; doubled at each coarser one",
            default=64,
            minimum=1,
            maximum=1024,
        ),
        "critic_norm": Field(
            kind="str",
            doc="normalisation in the discriminator: batch as in the paper, layer (over the channels and places of one "
            "example, for objectives with a gradient penalty), spectral (of the weights), or none",
            default="batch",
            choices=("batch", "layer", "spectral", "none"),
        ),
    },
    paper="Unsupervised representation learning with deep convolutional generative adversarial networks "
    "(Radford et al., 2015), arXiv:1511.06434",
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (DCGAN, *shipped(__file__))
