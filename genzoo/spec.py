"""What a plugin declares: frozen records without torch, and the fields their configs are checked against.

A record names code by a ``"module:attribute"`` string, which is imported when a model is built and never to list it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from genzoo.errors import InvalidInput, MalformedWeights, NotFound, did_you_mean
from genzoo.files import read_regular

__all__ = [
    "Architecture",
    "Checkpoint",
    "DatasetSpec",
    "Family",
    "Field",
    "ModelSpec",
    "Objective",
    "RecipeFile",
    "Record",
    "check_config",
    "shipped",
]

ROLES = ("encoder", "decoder", "generator", "discriminator")
RECORD_FILE = "genzoo.json"
WEIGHTS_FILE = "model.safetensors"
RECORD_FORMAT = 1
MAX_RECORD_BYTES = 1 << 20
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")

REQUIRED: Any = object()
"""The default of a Field that has none."""

Kind = Literal["int", "float", "bool", "str", "ints"]
_KIND_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a string",
    "ints": "a list of whole numbers",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One key of a config: its kind, default, range and meaning.

    For ``kind="ints"`` the range bounds each element and `length` the number of elements. A field without a default is
    required; a default must be an allowed value.
    """

    kind: Kind
    doc: str
    default: Any = REQUIRED
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    length: tuple[int, int] = (1, 16)

    def __post_init__(self) -> None:
        if not self.required:
            self.check(self.default, f"the default ({self.doc})")

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is REQUIRED

    def allowed(self) -> str:
        """The allowed values, in words: ``a whole number from 1 to 65536``."""
        words = _KIND_WORDS[self.kind]
        if self.choices:
            words = "one of " + ", ".join(self.choices)
        if self.kind == "ints":
            words += f" ({self.length[0]} to {self.length[1]} of them)"
        if self.minimum is not None and self.maximum is not None:
            words += f" from {self.minimum:g} to {self.maximum:g}"
        elif self.minimum is not None:
            words += f" of at least {self.minimum:g}"
        return words

    def check(self, value: Any, where: str) -> Any:
        """`value` in its canonical type; InvalidInput that names `where` and the allowed values otherwise."""
        if not self._admits(value):
            raise InvalidInput(f"{where} must be {self.allowed()}; got {value!r:.80}")
        if self.kind == "float":
            return float(value)
        return tuple(value) if self.kind == "ints" else value

    def _admits(self, value: Any) -> bool:
        if self.kind == "ints":
            is_list = isinstance(value, list | tuple) and self.length[0] <= len(value) <= self.length[1]
            return is_list and all(_is_int(item) and self._in_range(item) for item in value)
        if self.kind == "bool":
            return isinstance(value, bool)
        if self.kind == "str":
            return isinstance(value, str) and (not self.choices or value in self.choices)
        number = _is_int(value) or (self.kind == "float" and isinstance(value, float))
        return number and self._in_range(value)

    def _in_range(self, value: float) -> bool:
        low = -float("inf") if self.minimum is None else self.minimum
        high = float("inf") if self.maximum is None else self.maximum
        return low <= value <= high  # False for NaN


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def check_config(declared: Mapping[str, Field], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`given` checked against `declared`, defaults filled in.

    Raises:
        InvalidInput: an unknown key (with the nearest known one), a missing one, a wrong type or a value out of range.
    """
    for key in given:
        if key not in declared:
            hint, near = did_you_mean(key, declared)
            known = ", ".join(sorted(declared)) or "none"
            raise InvalidInput(f"{where} has no key {key!r}{hint} (known: {known})", suggestions=near)
    config = {}
    for key, rule in declared.items():
        if key in given:
            config[key] = rule.check(given[key], f"{where}.{key}")
        elif rule.required:
            raise InvalidInput(f"{where}.{key} is missing: {rule.doc}, {rule.allowed()}")
        else:
            config[key] = rule.default
    return config


def check_name(name: str, what: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidInput(f"{what} {name!r:.80} must be 1 to 64 of a-z, 0-9 and '-', not starting with '-'")


def check_target(target: str, where: str) -> None:
    if not TARGET.fullmatch(target):
        raise InvalidInput(f"{where} must be 'module:attribute'; got {target!r:.80}")


MODEL_FIELDS = {
    "input_shape": Field(
        kind="ints",
        doc="shape of one example, (channels, height, width) for pictures",
        minimum=1,
        maximum=8192,
        length=(1, 4),
    ),
    "latent_dim": Field(kind="int", doc="length of a code", minimum=1, maximum=65536),
}
"""What the config of every model has."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """Base of what a plugin may offer: a name, unique in its kind."""

    kind: ClassVar[str]
    name: str

    def __post_init__(self) -> None:
        check_name(self.name, f"{self.kind} name")


@dataclass(frozen=True, kw_only=True)
class Architecture(Record):
    """A way to build role networks.

    `roles` maps ``encoder``, ``decoder``, ``generator``, ``discriminator`` to a target, called as

    * encoder: ``target(input_shape, outputs, **config)`` -> module, (n, *input_shape) -> (n, outputs)
    * decoder, generator: ``target(latent_dim, output_shape, **config)`` -> module,
      (n, latent_dim) -> (n, *output_shape)
    * discriminator: ``target(input_shape, **config)`` -> module, (n, *input_shape) -> (n,)

    All outputs are unbounded (logits); the family applies its own output function. A builder raises InvalidInput for a
    shape its arithmetic does not admit. `sample_block` is the number of pictures that are drawn at once.
    """

    kind: ClassVar[str] = "architecture"
    roles: Mapping[str, str]
    summary: str
    config: Mapping[str, Field] = field(default_factory=dict)
    sample_block: int = 64
    paper: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for role, target in self.roles.items():
            if role not in ROLES:
                raise InvalidInput(f"architecture {self.name}: role {role!r:.80} must be one of {', '.join(ROLES)}")
            check_target(target, f"architecture {self.name}: role {role}")
        if self.sample_block < 1:
            raise InvalidInput(f"architecture {self.name}: sample_block must be at least 1")


@dataclass(frozen=True, kw_only=True)
class Family(Record):
    """How roles make one model. `target` is a class with ``build(network, spec)`` (see genzoo.models.Model)."""

    kind: ClassVar[str] = "family"
    target: str
    roles: tuple[str, ...]
    summary: str
    config: Mapping[str, Field] = field(default_factory=dict)
    paper: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_target(self.target, f"family {self.name}")


@dataclass(frozen=True, kw_only=True)
class Objective(Record):
    """What is learned.

    `players` maps each player of the family, in the order they move, to a pure function
    ``(model, batch, **options) -> {term: (n,) tensor}`` whose term ``loss`` is minimised. It is given those options of
    `config` that it has parameters for (all of them if it takes ``**options``), and, if it asks for them by name,
    ``data_size``, the number of examples of the data, and ``step``, a tensor with the step of the run.
    """

    kind: ClassVar[str] = "objective"
    family: str
    players: Mapping[str, str]
    summary: str
    config: Mapping[str, Field] = field(default_factory=dict)
    paper: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for player, target in self.players.items():
            check_target(target, f"objective {self.name}: player {player}")


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Record):
    """A named data set. `target` is called as ``target(root, split, shape)`` -> genzoo.datasets.Split.

    `shape` is (channels, height, width), or None where the recipe's ``model.input_shape`` decides it.
    """

    kind: ClassVar[str] = "dataset"
    target: str
    summary: str
    shape: tuple[int, ...] | None
    values: Literal["unit", "binary"]
    splits: tuple[str, ...] = ("train", "test")
    license: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_target(self.target, f"dataset {self.name}")


@dataclass(frozen=True, kw_only=True)
class RecipeFile(Record):
    """A recipe that trains the checkpoint of the same name."""

    kind: ClassVar[str] = "recipe"
    path: Path


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """What `create` builds: family × architecture with a complete, checked config."""

    family: str
    architecture: str
    config: Mapping[str, Any]

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.config["input_shape"])

    @property
    def latent_dim(self) -> int:
        return int(self.config["latent_dim"])


@dataclass(frozen=True, kw_only=True)
class Checkpoint(Record):
    """Trained weights with everything needed to rebuild, check and judge them.

    `metrics` maps a metric's name to ``{"value": float, "unit": str, "tolerance": float, "protocol": {...}}``; `recipe`
    is the recipe as it was run; `trained` says with what. `distribution` is the one whose architecture it was trained
    with, looked in first where several offer the name. `folder` is where the files lie.
    """

    kind: ClassVar[str] = "checkpoint"
    family: str
    architecture: str
    config: Mapping[str, Any]
    dataset: str
    license: str
    parameters: int
    sha256: str
    size_bytes: int
    recipe: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    trained: Mapping[str, Any] = field(default_factory=dict)
    distribution: str = ""
    folder: Path = Path()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise InvalidInput(f"checkpoint {self.name}: sha256 must be 64 hex digits")
        for key, rule in MODEL_FIELDS.items():
            rule.check(self.config.get(key), f"checkpoint {self.name}: config.{key}")
        for metric, entry in self.metrics.items():
            if not isinstance(entry, Mapping) or set(entry) != {"value", "unit", "tolerance", "protocol"}:
                raise InvalidInput(
                    f"checkpoint {self.name}: metrics.{metric} must have value, unit, tolerance and protocol"
                )
            numbers = (entry["value"], entry["tolerance"])
            if not all(isinstance(number, float) for number in numbers) or not isinstance(entry["protocol"], Mapping):
                raise InvalidInput(f"checkpoint {self.name}: metrics.{metric} has values of the wrong type")

    @property
    def spec(self) -> ModelSpec:
        return ModelSpec(family=self.family, architecture=self.architecture, config=self.config)

    @property
    def weights(self) -> Path:
        return self.folder / WEIGHTS_FILE

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.spec.input_shape

    @property
    def latent_dim(self) -> int:
        return self.spec.latent_dim

    def to_json(self) -> str:
        """The text of ``genzoo.json``: sorted keys, one trailing newline."""
        data = {"format": RECORD_FORMAT, **asdict(self)}
        del data["folder"]
        return json.dumps(data, indent=1, sort_keys=True) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Checkpoint:
        """The record in ``folder/genzoo.json``.

        Raises:
            NotFound: there is no such file.
            MalformedWeights: it is not a record of this format.
        """
        path = folder / RECORD_FILE
        if not path.exists():
            raise NotFound(f"{folder} holds no checkpoint: {RECORD_FILE} is missing; see: genzoo list")
        try:
            return replace(cls._parse(read_regular(path, limit=MAX_RECORD_BYTES)), folder=folder)
        except (ValueError, RecursionError) as error:
            raise MalformedWeights(f"{path} is not a genzoo record: {error}") from None

    @classmethod
    def _parse(cls, text: bytes) -> Checkpoint:
        data = json.loads(text)
        if not isinstance(data, dict):
            raise ValueError("it is not a JSON object")
        if (found := data.pop("format", None)) != RECORD_FORMAT:
            raise ValueError(f"format {found!r:.40} is not {RECORD_FORMAT}; a newer genzoo may read it")
        for key, kinds in _CHECKPOINT_TYPES.items():
            if key not in data:
                if key in _OPTIONAL:
                    continue
                raise ValueError(f"{key} is missing")
            if not isinstance(data[key], kinds) or isinstance(data[key], bool):
                raise ValueError(f"{key} has the wrong type")
        if unknown := set(data) - set(_CHECKPOINT_TYPES):
            raise ValueError(f"unknown key {min(unknown)!r:.80}")
        return cls(**data)


_CHECKPOINT_TYPES: dict[str, type] = {
    **dict.fromkeys(("name", "family", "architecture", "dataset", "license", "sha256", "distribution"), str),
    **dict.fromkeys(("parameters", "size_bytes"), int),
    **dict.fromkeys(("config", "recipe", "metrics", "trained"), dict),
}
_OPTIONAL = ("distribution",)
assert {f.name for f in fields(Checkpoint)} == {*_CHECKPOINT_TYPES, "folder"}


def shipped(init_file: str) -> Iterator[Record]:
    """The recipes (``recipes/*.toml``) and checkpoints (``weights/*/genzoo.json``) beside a plugin's ``__init__.py``.

    Call it as ``shipped(__file__)``.
    """
    here = Path(init_file).parent
    for path in sorted(here.glob("recipes/*.toml")):
        yield RecipeFile(name=path.stem, path=path)
    for record in sorted(here.glob(f"weights/*/{RECORD_FILE}")):
        yield Checkpoint.read(record.parent)
