"""What this plugin offers, as records. genzoo imports this module to list the zoo, so it does not import torch."""

from collections.abc import Iterable

from genzoo import Architecture, DatasetSpec, Field, Record, hookimpl, shipped

GENZOO_API = 2

TINY = Architecture(
    name="tiny",
    summary="one hidden layer",
    roles={"encoder": "genzoo_tiny.nets:Encoder", "decoder": "genzoo_tiny.nets:Decoder"},
    config={"width": Field(kind="int", doc="units of the hidden layer", default=32, minimum=1, maximum=4096)},
    sample_block=512,
)

BLOBS = DatasetSpec(
    name="blobs",
    target="genzoo_tiny.data:blobs",
    summary="one soft round blob at a random place in 16×16 pixels, binarised by draws",
    shape=(1, 16, 16),
    values="binary",
    license="CC0-1.0",
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (TINY, BLOBS, *shipped(__file__))
