"""What this plugin offers, as records. genzoo imports this module to list the zoo, so it does not import torch."""

from collections.abc import Iterable

from genzoo import Architecture, Field, Record, hookimpl, shipped

GENZOO_API = 2

ARCHITECTURE = Architecture(
    name="yours",
    summary="two hidden layers; takes data of any shape",
    roles={"generator": "genzoo_yours.nets:Generator", "discriminator": "genzoo_yours.nets:Discriminator"},
    config={"width": Field(kind="int", doc="units of a hidden layer", default=64, minimum=1, maximum=4096)},
    shapes=((1, 28, 28), (3, 17, 16), (2,)),
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (ARCHITECTURE, *shipped(__file__))
