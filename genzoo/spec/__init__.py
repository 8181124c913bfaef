"""What a plugin declares: frozen records without torch.

A record names code by a ``"module:attribute"`` string, which is imported when a model is built and never to list it.
"""

from genzoo.spec.checkpoint import (
    MAX_RECORD_BYTES,
    OWN_DATA,
    RECORD_FILE,
    UNKNOWN_DATA,
    WEIGHTS_FILE,
    Checkpoint,
    record_bytes,
    shipped,
)
from genzoo.spec.columns import Column, shared_columns
from genzoo.spec.exclusions import by_index, settle
from genzoo.spec.names import COMMIT, CONTROL, NAME, REPO, check_name, check_target
from genzoo.spec.numbers import Number, Numbers
from genzoo.spec.parts import PARTS_FOLDER, Part
from genzoo.spec.records import (
    ALPHABET,
    LATENT_DIM,
    MODEL_FIELDS,
    Alias,
    Architecture,
    Command,
    DatasetSpec,
    ExporterSpec,
    Family,
    MetricSpec,
    ModelSpec,
    Objective,
    OperationSpec,
    RecipeFile,
    Record,
    SamplerSpec,
    Targeted,
    Tombstone,
    TrackerSpec,
)
from genzoo.spec.spaces import Space, Spaces

RECORDS: tuple[type[Record], ...] = (
    Alias,
    Architecture,
    Checkpoint,
    Command,
    DatasetSpec,
    ExporterSpec,
    Family,
    MetricSpec,
    Objective,
    OperationSpec,
    RecipeFile,
    SamplerSpec,
    Tombstone,
    TrackerSpec,
)
"""Every kind of record."""

__all__ = [
    "ALPHABET",
    "COMMIT",
    "CONTROL",
    "LATENT_DIM",
    "MAX_RECORD_BYTES",
    "MODEL_FIELDS",
    "NAME",
    "OWN_DATA",
    "PARTS_FOLDER",
    "RECORDS",
    "RECORD_FILE",
    "REPO",
    "UNKNOWN_DATA",
    "WEIGHTS_FILE",
    "Alias",
    "Architecture",
    "Checkpoint",
    "Column",
    "Command",
    "DatasetSpec",
    "ExporterSpec",
    "Family",
    "MetricSpec",
    "ModelSpec",
    "Number",
    "Numbers",
    "Objective",
    "OperationSpec",
    "Part",
    "RecipeFile",
    "Record",
    "SamplerSpec",
    "Space",
    "Spaces",
    "Targeted",
    "Tombstone",
    "TrackerSpec",
    "by_index",
    "check_name",
    "check_target",
    "record_bytes",
    "settle",
    "shared_columns",
    "shipped",
]
