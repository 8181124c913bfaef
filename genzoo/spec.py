"""What a plugin declares: frozen records without torch.

A record names code by a ``"module:attribute"`` string, which is imported when a model is built and never to list it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from genzoo import notebook
from genzoo.errors import InvalidInput, MalformedWeights, NotFound
from genzoo.fields import Field
from genzoo.files import read_regular

__all__ = [
    "Alias",
    "Architecture",
    "Checkpoint",
    "Command",
    "DatasetSpec",
    "Family",
    "MetricSpec",
    "ModelSpec",
    "Objective",
    "RecipeFile",
    "Record",
    "Tombstone",
    "shipped",
]

RECORD_FILE = "genzoo.json"
WEIGHTS_FILE = "model.safetensors"
RECORD_FORMAT = 1
MAX_RECORD_BYTES = 1 << 20
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
REPO = re.compile(r"(?!.*(?:--|\.\.|\.git$))[A-Za-z0-9][\w.-]{0,95}\b/[A-Za-z0-9][\w.-]{0,95}\b", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
ROLE = re.compile(r"[a-z][a-z0-9_]{0,63}")
TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a text should not do to the terminal that shows it: control it, or turn it around."""


def check_name(name: str, what: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidInput(f"{what} {name!r:.80} must be 1 to 64 of a-z, 0-9 and '-', not starting with '-'")


def check_target(target: str, where: str) -> None:
    if not TARGET.fullmatch(target):
        raise InvalidInput(f"{where} must be 'module:attribute'; got {target!r:.80}")


def _check_exceptions(exceptions: Mapping[str, str], where: str) -> None:
    for law, reason in exceptions.items():
        if not reason.strip():
            raise InvalidInput(f"{where}: exceptions[{law!r:.80}] must say why the law cannot hold")


MODEL_FIELDS = {
    "input_shape": Field(
        kind="ints",
        doc="shape of one example, (channels, height, width) for pictures",
        minimum=1,
        maximum=8192,
        length=(1, 4),
    ),
    "latent_dim": Field(kind="int", doc="length of a code", minimum=1, maximum=65536),
    "values": Field(
        kind="str",
        doc="what the numbers of an example are: unit for [0, 1], real for any",
        default="unit",
        choices=("unit", "real"),
    ),
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

    and a role that only one family asks for as that family says. All outputs are unbounded (logits); the family applies
    its own output function. A builder raises InvalidInput for a shape its arithmetic does not admit, and is first
    called on torch's device ``meta``, where tensors have no values. `sample_block` is the number of pictures that are
    drawn at once.

    `shapes` are those of examples on which genzoo.testing holds it to its laws, odd ones too if it takes them; what has
    fewer than three axes is real numbers. `exceptions` maps a law that cannot hold to the reason.
    """

    kind: ClassVar[str] = "architecture"
    roles: Mapping[str, str]
    summary: str
    config: Mapping[str, Field] = field(default_factory=dict)
    sample_block: int = 64
    paper: str = ""
    shapes: tuple[tuple[int, ...], ...] = ((1, 28, 28), (3, 32, 32), (1, 28, 24))
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for role, target in self.roles.items():
            if not ROLE.fullmatch(role):
                raise InvalidInput(f"architecture {self.name}: role {role!r:.80} must be 1 to 64 of a-z, 0-9 and '_'")
            check_target(target, f"architecture {self.name}: role {role}")
        if self.sample_block < 1:
            raise InvalidInput(f"architecture {self.name}: sample_block must be at least 1")
        if not self.shapes:
            raise InvalidInput(f"architecture {self.name}: shapes must name one at least")
        _check_exceptions(self.exceptions, f"architecture {self.name}")


@dataclass(frozen=True, kw_only=True)
class Family(Record):
    """How roles make one model. `target` is a class with ``build(network, spec)`` (see genzoo.models.Model).

    `exceptions` maps a law of genzoo.testing that its models cannot keep to the reason.
    """

    kind: ClassVar[str] = "family"
    target: str
    roles: tuple[str, ...]
    summary: str
    config: Mapping[str, Field] = field(default_factory=dict)
    paper: str = ""
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_target(self.target, f"family {self.name}")
        _check_exceptions(self.exceptions, f"family {self.name}")


@dataclass(frozen=True, kw_only=True)
class Objective(Record):
    """What is learned.

    `players` maps each player of the family, in the order they move, to a pure function
    ``(model, batch, **options) -> {term: (n,) tensor}`` whose term ``loss`` is minimised. It is given those options of
    `config` that it has parameters for (all of them if it takes ``**options``), and, if it asks for them by name,
    ``data_size``, the number of examples of the data, ``step``, a tensor with the step of the run, and ``labels``, the
    batch's, an int64 (n,) tensor. The batch may be a part of the step's: a process's slice, or a micro-batch.

    Of an objective of GANs, `per_example` says that a loss looks at the gradient of each example alone, so that no
    discriminator may normalise over the batch, and `probability` that the sigmoid of the discriminator's score is the
    probability of being real. `exceptions` maps a law of genzoo.testing that it cannot keep to the reason.
    """

    kind: ClassVar[str] = "objective"
    family: str
    players: Mapping[str, str]
    summary: str
    config: Mapping[str, Field] = field(default_factory=dict)
    paper: str = ""
    per_example: bool = False
    probability: bool = False
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for player, target in self.players.items():
            check_target(target, f"objective {self.name}: player {player}")
        _check_exceptions(self.exceptions, f"objective {self.name}")


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Record):
    """A named data set. `target` is called as ``target(root, split, shape)`` -> genzoo.datasets.Split.

    `shape` is (channels, height, width) for pictures, or None where the recipe's ``model.input_shape`` decides it.
    `values` says what the numbers are: ``unit`` in [0, 1], ``binary`` 0 or 1, ``real`` any. `pictures` names the data
    set whose pictures samples are compared with where that is another one (grey digits for binarised ones), `features`
    the checkpoint of the network in whose features they are compared. `classes` is how many its labels tell apart (0
    where it has none), `factors` what generated each example, where that is known.
    """

    kind: ClassVar[str] = "dataset"
    target: str
    summary: str
    shape: tuple[int, ...] | None
    values: Literal["unit", "binary", "real"]
    splits: tuple[str, ...] = ("train", "test")
    license: str = ""
    pictures: str = ""
    features: str = ""
    classes: int = 0
    factors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_target(self.target, f"dataset {self.name}")

    @property
    def held_out(self) -> str:
        """The split that models are measured on: test, or the first where there is none."""
        return "test" if "test" in self.splits else self.splits[0]


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Record):
    """A number that every model of a family has.

    `target` is called as ``target(setting)`` with a genzoo.Setting and returns a float. It is recorded under the name
    with ``_`` for ``-``. `tolerance` is how far the value may be from another machine's, in `unit`; `protocol` says how
    it is measured, beside what is said of the examples.
    """

    kind: ClassVar[str] = "metric"
    family: str
    target: str
    unit: str
    tolerance: float
    summary: str
    protocol: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_target(self.target, f"metric {self.name}")


@dataclass(frozen=True, kw_only=True)
class Command(Record):
    """A command, ``genzoo NAME``. `target` is a click.Command, imported when the command is called."""

    kind: ClassVar[str] = "command"
    target: str
    summary: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_target(self.target, f"command {self.name}")


@dataclass(frozen=True, kw_only=True)
class Alias(Record):
    """The former name of a checkpoint, which is called `to` now."""

    kind: ClassVar[str] = "alias"
    to: str


@dataclass(frozen=True, kw_only=True)
class Tombstone(Record):
    """The name of a checkpoint that was withdrawn: why, and which one to take `instead` if there is one."""

    kind: ClassVar[str] = "tombstone"
    reason: str
    instead: str = ""


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

    @property
    def values(self) -> str:
        return str(self.config.get("values", MODEL_FIELDS["values"].default))  # older records do not say it


@dataclass(frozen=True, kw_only=True)
class Checkpoint(Record):
    """Trained weights with everything needed to rebuild, check and judge them.

    `metrics` maps a metric's name to ``{"value": float, "unit": str, "tolerance": float, "protocol": {...}}``, with
    ``floor``, a float, ``detail``, a table, and ``torch``, the version it was measured with, where there are such;
    `recipe` is the recipe as it was run; `trained` says with what. `labels` says what latents do, by their index as
    text: ``{"3": "width"}``. `distribution` is the one whose architecture it was trained with, looked in first where
    several offer the name. `repo` and `commit` (40 hex digits) say where on the hub the files are, if they are there.
    `folder` is where they lie on this machine.
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
    labels: Mapping[str, str] = field(default_factory=dict)
    distribution: str = ""
    repo: str = ""
    commit: str = ""
    folder: Path = Path()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise InvalidInput(f"checkpoint {self.name}: sha256 must be 64 hex digits")
        if (self.repo or self.commit) and not (REPO.fullmatch(self.repo) and COMMIT.fullmatch(self.commit)):
            raise InvalidInput(f"checkpoint {self.name}: repo must be org/name, and commit its 40 hex digits")
        for key, rule in MODEL_FIELDS.items():
            if key in self.config or rule.required:
                rule.check(self.config.get(key), f"checkpoint {self.name}: config.{key}")
        for metric, entry in self.metrics.items():
            _check_entry(entry, f"checkpoint {self.name}: metrics.{metric}")
        latents = set(map(str, range(self.latent_dim)))
        if bad := [key for key, label in self.labels.items() if key not in latents or not isinstance(label, str)]:
            raise InvalidInput(f"checkpoint {self.name}: labels.{bad[0]:.40} must be a latent's index and a text")

    def _repr_html_(self) -> str:
        shape = "×".join(map(str, self.input_shape))
        told = (
            f"{self.family}, {self.architecture}, trained on {self.dataset}: {shape}, {self.latent_dim} latents, "
            f"{self.parameters:,} parameters, {self.size_bytes / 1e6:.1f} MB, {self.license or 'no licence told'}"
        )
        return notebook.heading(self.name, told) + notebook.metrics_table(self.metrics)

    @property
    def spec(self) -> ModelSpec:
        return ModelSpec(family=self.family, architecture=self.architecture, config=self.config)

    @property
    def weights(self) -> Path:
        return self.folder / WEIGHTS_FILE

    @property
    def pin(self) -> str:
        """``hf:org/name@commit``, or "" for files that are not on the hub."""
        return f"hf:{self.repo}@{self.commit}" if self.repo else ""

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
        if not self.labels:
            del data["labels"]
        if not self.repo:
            del data["repo"], data["commit"]
        return json.dumps(data, indent=1, sort_keys=True) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Checkpoint:
        """The record in ``folder/genzoo.json``.

        Raises:
            NotFound: there is no such file.
            MalformedWeights: it is not a record of this format.
        """
        path = folder / RECORD_FILE
        if not folder.is_dir():
            raise NotFound(f"{folder} is not a folder; the names are: genzoo list, and hf:org/name for the hub's")
        if not path.exists() and (folder / "recipe.json").exists():
            raise NotFound(
                f"the run in {folder} is not finished; go on with it: genzoo train RECIPE -o {folder} --resume"
            )
        if not path.exists():
            raise NotFound(f"{folder} holds no checkpoint: {RECORD_FILE} is missing; the names are: genzoo list")
        return replace(cls.read_file(path), folder=folder)

    @classmethod
    def read_file(cls, path: Path) -> Checkpoint:
        """The record in a file, without a folder; raises as `read` does."""
        try:
            return cls._parse(read_regular(path, limit=MAX_RECORD_BYTES))
        except (ValueError, RecursionError) as error:
            raise MalformedWeights(f"{path} is not a genzoo record: {error}") from None

    @classmethod
    def _parse(cls, text: bytes) -> Checkpoint:
        data = json.loads(text.decode(), object_pairs_hook=_without_twins)
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
        if bad := next(filter(CONTROL.search, _strings(data)), ""):
            raise ValueError(f"{bad!r:.80} has a control character in it")
        return cls(**data)


_ENTRY_TYPES: dict[str, type] = {"value": float, "unit": str, "tolerance": float, "protocol": Mapping}
_ENTRY_EXTRAS: dict[str, type] = {"floor": float, "detail": Mapping, "torch": str}


def _check_entry(entry: Any, where: str) -> None:
    """InvalidInput unless `entry` is that of a metric."""
    known = _ENTRY_TYPES | _ENTRY_EXTRAS
    if not isinstance(entry, Mapping) or not _ENTRY_TYPES.keys() <= entry.keys() <= known.keys():
        raise InvalidInput(
            f"{where} must have {', '.join(_ENTRY_TYPES)}, and may have {', '.join(_ENTRY_EXTRAS)}, and no more"
        )
    for key, value in entry.items():
        if not isinstance(value, known[key]):
            raise InvalidInput(f"{where}.{key} has the wrong type")


_CHECKPOINT_TYPES: dict[str, type] = {
    **dict.fromkeys(("name", "family", "architecture", "dataset", "license", "sha256"), str),
    **dict.fromkeys(("distribution", "repo", "commit"), str),
    **dict.fromkeys(("parameters", "size_bytes"), int),
    **dict.fromkeys(("config", "recipe", "metrics", "trained", "labels"), dict),
}
_OPTIONAL = ("distribution", "labels", "repo", "commit")
assert {f.name for f in fields(Checkpoint)} == {*_CHECKPOINT_TYPES, "folder"}


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; ValueError if a key stands there twice, which readers take in two ways."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _strings([*value, *value.values()])
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def shipped(init_file: str) -> Iterator[Record]:
    """The recipes (``recipes/*.toml``) and checkpoints (``weights/*/genzoo.json``) beside a plugin's ``__init__.py``.

    Call it as ``shipped(__file__)``.
    """
    here = Path(init_file).parent
    for path in sorted(here.glob("recipes/*.toml")):
        yield RecipeFile(name=path.stem, path=path)
    for record in sorted(here.glob(f"weights/*/{RECORD_FILE}")):
        yield Checkpoint.read(record.parent)
