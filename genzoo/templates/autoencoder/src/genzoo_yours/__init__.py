"""What this plugin offers, as records. genzoo imports this module to list the zoo, so it does not import torch."""

from collections.abc import Iterable

from genzoo import Architecture, Field, Record, hookimpl, shipped

GENZOO_API = 2

ARCHITECTURE = Architecture(
    name="yours",
    summary="one hidden layer; takes data of any shape",
    roles={"encoder": "genzoo_yours.nets:Encoder", "decoder": "genzoo_yours.nets:Decoder"},
    config={"width": Field(kind="int", doc="units of the hidden layer", default=64, minimum=1, maximum=4096)},
    shapes=((1, 28, 28), (3, 17, 16), (2,)),
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (ARCHITECTURE, *shipped(__file__))
