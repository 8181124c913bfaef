"""The record of trained weights, ``genzoo.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from genzoo import notebook
from genzoo.arguments import typed
from genzoo.errors import InvalidInput, MalformedWeights, NotFound
from genzoo.files import check_depth, json_text, read_regular
from genzoo.spec.columns import Column
from genzoo.spec.names import COMMIT, REPO
from genzoo.spec.numbers import Number, Numbers, parse_number, table_of
from genzoo.spec.parts import Part
from genzoo.spec.records import LATENT_DIM, MODEL_FIELDS, TABLES, ModelSpec, RecipeFile, Record

__all__ = [
    "MAX_RECORD_BYTES",
    "OWN_DATA",
    "RECORD_FILE",
    "UNKNOWN_DATA",
    "WEIGHTS_FILE",
    "Checkpoint",
    "record_bytes",
    "shipped",
]

OWN_DATA = "own-data"
"""The `dataset` of a checkpoint, and the data of a recipe, for data that whoever trained it held in memory."""
UNKNOWN_DATA = "unknown"
"""The `dataset` of a checkpoint that nothing is known of but its weights."""

RECORD_FILE = "genzoo.json"
WEIGHTS_FILE = "model.safetensors"
RECORD_FORMAT = 1
MAX_RECORD_BYTES = 1 << 20
LARGEST = (1 << 63) - 1


@dataclass(frozen=True, kw_only=True)
class Checkpoint(Record):
    """Trained weights with everything needed to rebuild, check and judge them.

    `metrics` maps a metric's name to its Number; `quick` has some of them measured on few examples; `recipe` is the
    recipe as it was run; `trained` says with what. `labels` says what latents do, by their index as text: ``{"3":
    "width"}``. `given` has the columns that the model is told, `predicts` those that it predicts, `parts` the
    checkpoints that it stands on, `sampler` the name and options of how it is sampled. `distribution` is the one whose
    architecture it was trained with, looked in first where several offer the name. `repo` and `commit` (40 hex digits)
    say where on the hub the files are, if they are there. `folder` is where they lie on this machine.
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
    metrics: Mapping[str, Number] = field(default_factory=dict)
    quick: Mapping[str, Number] = field(default_factory=dict)
    trained: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Column] = field(default_factory=dict)
    predicts: Mapping[str, Column] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)
    sampler: str = ""
    distribution: str = ""
    repo: str = ""
    commit: str = ""
    folder: Path = Path()

    def __post_init__(self) -> None:
        for key, parse in _PARSERS.items():
            if isinstance(table := getattr(self, key), Mapping):
                parsed = {name: parse(value, f"{key}.{name}") for name, value in table.items()}
                object.__setattr__(self, key, parsed)
        super().__post_init__()
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise InvalidInput(f"checkpoint {self.name}: sha256 must be 64 hex digits")
        for key in ("parameters", "size_bytes"):
            if not 0 <= getattr(self, key) <= LARGEST:
                raise InvalidInput(f"checkpoint {self.name}: {key} must be from 0 to {LARGEST:,}")
        if (self.repo or self.commit) and not (REPO.fullmatch(self.repo) and COMMIT.fullmatch(self.commit)):
            raise InvalidInput(f"checkpoint {self.name}: repo must be org/name, and commit its 40 hex digits")
        for key, rule in MODEL_FIELDS.items():
            if key in self.config or rule.required:
                rule.check(self.config.get(key), f"checkpoint {self.name}: config.{key}")
        if "latent_dim" in self.config:
            LATENT_DIM.check(self.config["latent_dim"], f"checkpoint {self.name}: config.latent_dim")
        latents = set(map(str, range(self.latent_dim or 0)))
        if bad := [key for key in self.labels if key not in latents]:
            raise InvalidInput(f"checkpoint {self.name}: labels.{bad[0]:.40} must be a latent's index")

    def _repr_html_(self) -> str:
        shape = "×".join(map(str, self.input_shape))
        latents = f"{self.latent_dim} latents, " if self.latent_dim else ""
        told = (
            f"{self.family}, {self.architecture}, trained on {self.dataset}: {shape}, {latents}"
            f"{self.parameters:,} parameters, {self.size_bytes / 1e6:.1f} MB, {self.license or 'no licence told'}"
        )
        return notebook.heading(self.name, told) + table_of(self.metrics)

    @classmethod
    def of(cls, spec: ModelSpec, **others: Any) -> Self:
        """The record of a model of `spec`, with the `others` of its fields."""
        return cls(**{one.name: getattr(spec, one.name) for one in fields(spec)}, **others)

    @property
    def spec(self) -> ModelSpec:
        return ModelSpec(**{one.name: getattr(self, one.name) for one in fields(ModelSpec)})

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
    def latent_dim(self) -> int | None:
        """Length of a code, of a family whose code is a vector; None of others."""
        return self.config.get("latent_dim")

    def to_json(self) -> str:
        """The text of ``genzoo.json``: sorted keys, one trailing newline."""
        data = {"format": RECORD_FORMAT, **asdict(self)}
        data |= {key: Numbers(getattr(self, key)).to_dict() for key in ("metrics", "quick")}
        del data["folder"]
        for key in ("given", "labels", "parts", "predicts", "quick", "sampler"):
            if not data[key]:
                del data[key]
        if not self.repo:
            del data["repo"], data["commit"]
        return json_text(data)

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
            where = folder if len(folder.parts) > 1 else f"./{folder}"
            raise NotFound(f"the run in {folder} is not finished; go on with it: genzoo train {where} --resume")
        if not path.exists():
            raise NotFound(f"{folder} holds no checkpoint: {RECORD_FILE} is missing; the names are: genzoo list")
        return replace(cls.read_file(path), folder=folder)

    @classmethod
    def read_file(cls, path: Path) -> Checkpoint:
        """The record in a file, without a folder; raises as `read` does."""
        try:
            return cls.parse(read_regular(path, limit=MAX_RECORD_BYTES))
        except (ValueError, RecursionError) as error:
            raise MalformedWeights(f"{path} is not a genzoo record: {error}") from None

    @classmethod
    def parse(cls, text: bytes) -> Checkpoint:
        """The record in the bytes of a file; ValueError or RecursionError if they are none."""
        if len(text) > MAX_RECORD_BYTES:
            raise ValueError(f"it has {len(text):,} bytes, more than the {MAX_RECORD_BYTES:,} allowed")
        data = json.loads(text.decode(), object_pairs_hook=_without_twins)
        check_depth(data)
        if not isinstance(data, dict):
            raise ValueError("it is not a JSON object")
        if (found := data.pop("format", None)) != RECORD_FORMAT:
            raise ValueError(f"format {found!r:.40} is not {RECORD_FORMAT}; a newer genzoo may read it")
        if missing := _KEYS - _OPTIONAL - set(data):
            raise ValueError(f"{min(missing)} is missing")
        if unknown := set(data) - _KEYS:
            raise ValueError(f"unknown key {min(unknown)!r:.80}")
        return cls(**data)


_PARSERS: Mapping[str, Callable[[Any, str], Any]] = {
    **TABLES,
    "metrics": parse_number,
    "quick": parse_number,
}
_KEYS = {field.name for field in fields(Checkpoint)} - {"folder"}
_OPTIONAL = {"distribution", "given", "labels", "parts", "predicts", "quick", "repo", "commit", "sampler"}


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; ValueError if a key stands there twice, which readers take in two ways."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def record_bytes(checkpoint: Checkpoint) -> bytes:
    """What is written as ``genzoo.json``; InvalidInput if it could not be read back."""
    data = checkpoint.to_json().encode()
    try:
        Checkpoint.parse(data)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{checkpoint.name}: the record of the checkpoint could not be read back: {error}") from None
    return data


@typed
def shipped(init_file: str) -> Iterator[Record]:
    """The recipes (``recipes/*.toml``) and checkpoints (``weights/*/genzoo.json``) beside a plugin's ``__init__.py``.

    Call it as ``shipped(__file__)``.
    """
    here = Path(init_file).parent
    for path in sorted(here.glob("recipes/*.toml")):
        yield RecipeFile(name=path.stem, path=path)
    for record in sorted(here.glob(f"weights/*/{RECORD_FILE}")):
        yield Checkpoint.read(record.parent)
