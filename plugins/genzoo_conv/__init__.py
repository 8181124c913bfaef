"""Strided convolutions down, transposed convolutions up."""

from __future__ import annotations

from collections.abc import Iterable

from genzoo import Architecture, Field, Record, hookimpl, shipped

GENZOO_API = 2

CONV = Architecture(
    name="conv",
    summary="encoder by strided convolution, decoder by transposed convolution; sides of at least patch · 2^depth",
    roles={"encoder": "genzoo_conv.nets:ConvEncoder", "decoder": "genzoo_conv.nets:ConvDecoder"},
    given=("encoder", "decoder"),
    config={
        "patch": Field(
            kind="int",
            doc="pixels along the side of the squares that the first convolution takes as one place",
            default=1,
            minimum=1,
            maximum=16,
        ),
        "depth": Field(kind="int", doc="layers that halve height and width", default=2, minimum=1, maximum=8),
        "width": Field(
            kind="int",
            doc="channels at the finest level; doubled at each coarser one",
            default=32,
            minimum=1,
            maximum=1024,
        ),
        "blocks": Field(
            kind="int", doc="residual blocks at each level, two 3×3 convolutions each", default=0, minimum=0, maximum=16
        ),
        "hidden": Field(
            kind="int",
            doc="units between the feature map and the latent side",
            default=256,
            minimum=1,
            maximum=16384,
        ),
        "norm": Field(
            kind="str",
            doc="normalisation of the feature maps",
            default="batch",
            choices=("batch", "none"),
        ),
    },
    halvings="depth",
    paper="A guide to convolution arithmetic for deep learning (Dumoulin & Visin, 2016), arXiv:1603.07285",
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (CONV, *shipped(__file__))
