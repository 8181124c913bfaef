"""Small convolutional classifiers, in whose features digits and clothes are compared."""

from __future__ import annotations

from collections.abc import Iterable

from genzoo import Architecture, Field, Record, hookimpl, shipped

GENZOO_API = 2

LENET = Architecture(
    name="lenet",
    summary="encoder of two stages of convolution and pooling; height and width of at least 12",
    roles={"encoder": "genzoo_lenet.nets:LeNetEncoder"},
    config={
        "width": Field(
            kind="int",
            doc="channels of the first stage; doubled in the second",
            default=32,
            minimum=1,
            maximum=1024,
        ),
        "dropout": Field(
            kind="float",
            doc="share of the last feature map's values that is dropped in training",
            default=0.4,
            minimum=0.0,
            maximum=0.9,
        ),
    },
    paper="Gradient-based learning applied to document recognition (LeCun et al., 1998)",
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (LENET, *shipped(__file__))
