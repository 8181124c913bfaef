"""The records of what can be built, learned, measured and called."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from genzoo.errors import InvalidInput
from genzoo.fields import Field
from genzoo.spec.columns import Column, check_columns, parse_column
from genzoo.spec.exclusions import check_exclusions
from genzoo.spec.names import ROLE, check_exceptions, check_name, check_target
from genzoo.spec.parts import Part, check_part_names, parse_part
from genzoo.spec.spaces import Space, Spaces
from genzoo.typecheck import conform

__all__ = [
    "ALPHABET",
    "LATENT_DIM",
    "MODEL_FIELDS",
    "TABLES",
    "Alias",
    "Architecture",
    "Command",
    "DatasetSpec",
    "ExporterSpec",
    "Family",
    "MetricSpec",
    "ModelSpec",
    "Objective",
    "OperationSpec",
    "RecipeFile",
    "Record",
    "SamplerSpec",
    "Targeted",
    "Tombstone",
    "TrackerSpec",
]

MODEL_FIELDS = {
    "input_shape": Field(
        kind="ints",
        doc="shape of one example, (channels, height, width) for pictures",
        minimum=1,
        maximum=8192,
        length=(1, 4),
    ),
    "values": Field(
        kind="str",
        doc="what the numbers of an example are: unit for [0, 1], real for any, index for tokens",
        default="unit",
        choices=("unit", "real", "index"),
    ),
}
"""What the config of every model has."""

TABLES: Mapping[str, Callable[[Any, str], Any]] = {
    "given": parse_column,
    "predicts": parse_column,
    "parts": parse_part,
}
"""What reads the values, as JSON has them, of those attributes of a ModelSpec that are records by name."""

LATENT_DIM = Field(kind="int", doc="length of a code", minimum=1, maximum=65536)
"""The key ``latent_dim`` of the families whose code is a vector."""

ALPHABET = Field(kind="int", doc="how many different tokens there are", minimum=1, maximum=1 << 24)
"""The key ``alphabet`` of the families whose data are indices: tokens, classes, entries of a codebook."""


OPERATION = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*\.[A-Za-z_]\w*")
SUFFIX = re.compile(r"\.[a-z0-9]{1,16}")
USAGE_KEYS = ("path", "verb", "called", "named", "gives", "inputs", "output")


@dataclass(frozen=True, kw_only=True)
class Record:
    """Base of what a plugin may offer: a name, unique in its kind.

    A record has the types that it declares, or cannot be made: InvalidInput. No text of it has a control character.
    """

    kind: ClassVar[str]
    name: str

    def __post_init__(self) -> None:
        name = getattr(self, "name", None)
        conform(self, f"{self.kind} {name}" if type(name) is str else self.kind)
        check_name(self.name, f"{self.kind} name")


@dataclass(frozen=True, kw_only=True)
class Targeted(Record):
    """A record that is the code it names."""

    target: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_target(self.target, f"{self.kind} {self.name}")


@dataclass(frozen=True, kw_only=True)
class Architecture(Record):
    """A way to build role networks.

    `roles` maps ``encoder``, ``decoder``, ``generator``, ``discriminator`` to a target, called as

    * encoder: ``target(input_shape, outputs, **config)`` -> module, (n, *input_shape) -> (n, outputs)
    * decoder, generator: ``target(latent_dim, output_shape, **config)`` -> module,
      (n, latent_dim) -> (n, *output_shape)
    * discriminator: ``target(input_shape, **config)`` -> module, (n, *input_shape) -> (n,)

    and a role that only one family asks for as that family says. Of a model that is told something, a network sees it
    as more numbers of its code or more channels of its input, unless its role is in `given`: then the builder is called
    with ``given``, the columns by name, and the network with ``given``, their values by name (an index that is not told
    has the value `size`, and other numbers are NaN). All outputs are unbounded (logits); the family applies its own
    output function. A builder raises InvalidInput for a shape its arithmetic does not admit, and is first called on
    torch's device ``meta``, where tensors have no values. `sample_block` is the number of pictures that are drawn at
    once.

    `shapes` are those of examples on which genzoo.testing holds it to its laws, odd ones too if it takes them; what has
    fewer than three axes is real numbers. `columns` are those that its networks of the roles in `given` cannot do
    without: genzoo.testing tells them these. `exceptions` maps a law that cannot hold to the reason.
    `halvings` is the key of `config` that says how often height and width are halved, if there is one: ``genzoo train
    --like`` raises it for larger pictures.
    """

    kind: ClassVar[str] = "architecture"
    roles: Mapping[str, str]
    summary: str
    config: Mapping[str, Field] = field(default_factory=dict)
    sample_block: int = 64
    paper: str = ""
    shapes: tuple[tuple[int, ...], ...] = ((1, 28, 28), (3, 32, 32), (1, 28, 24))
    exceptions: Mapping[str, str] = field(default_factory=dict)
    given: tuple[str, ...] = ()
    columns: Mapping[str, Column] = field(default_factory=dict)
    halvings: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.halvings and getattr(self.config.get(self.halvings), "kind", "") != "int":
            raise InvalidInput(f"architecture {self.name}: halvings names {self.halvings!r:.80}, no int of its config")
        if unknown := [role for role in self.given if role not in self.roles]:
            raise InvalidInput(f"architecture {self.name}: given names {unknown[0]!r:.80}, which is none of its roles")
        for role, target in self.roles.items():
            if not ROLE.fullmatch(role):
                raise InvalidInput(f"architecture {self.name}: role {role!r:.80} must be 1 to 64 of a-z, 0-9 and '_'")
            check_target(target, f"architecture {self.name}: role {role}")
        if self.sample_block < 1:
            raise InvalidInput(f"architecture {self.name}: sample_block must be at least 1")
        if not self.shapes:
            raise InvalidInput(f"architecture {self.name}: shapes must name one at least")
        if self.columns and not self.given:
            raise InvalidInput(f"architecture {self.name}: it has columns, and given names no role that is told them")
        check_columns(self.columns, f"architecture {self.name}")
        check_exceptions(self.exceptions, f"architecture {self.name}")


@dataclass(frozen=True, kw_only=True)
class Family(Targeted):
    """How roles make one model. `target` is a class with ``build(network, spec)`` (see genzoo.models.Model).

    `conditional` says that its models can be told something: see genzoo.models.Model. `predictive` says that they can
    predict columns, those in ``spec.predicts``; the config key ``classes``, of a family that has it, is then the number
    of values that they have together. `parts` names the checkpoints that its models stand on; `build` is then called
    with a third argument, the loaded models by these names. `exceptions` maps a law of genzoo.testing that its models
    cannot keep to the reason.
    """

    kind: ClassVar[str] = "family"
    roles: tuple[str, ...]
    summary: str
    config: Mapping[str, Field] = field(default_factory=dict)
    conditional: bool = False
    predictive: bool = False
    parts: tuple[str, ...] = ()
    paper: str = ""
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_part_names(self.parts, f"family {self.name}")
        check_exceptions(self.exceptions, f"family {self.name}")


@dataclass(frozen=True, kw_only=True)
class Objective(Record):
    """What is learned.

    `players` maps each player of the family, in the order they move, to a pure function ``(model, batch, **options) ->
    {term: (n,) tensor}`` of a genzoo.Batch, whose term ``loss`` is minimised. It is given those options of `config`
    that it has parameters for (all of them if it takes ``**options``), and, if it asks for them by name, ``data_size``,
    the number of examples of the data, and ``step``, a tensor with the step of the run. ``batch.given`` has what the
    model is told, and ``batch.known`` also what it predicts and the `columns` that the objective learns from beside.
    The batch may be a part of the step's: a process's slice, or a micro-batch.

    An objective without players is fitted at once, to all of the data, as a mixture is by expectation maximisation:
    `fit` is a function ``(model, batches, *, seed, **options) -> {term: float}`` that is called with the batches of one
    pass over the data, in its order, and sets the weights of the model. It must depend on the batches, the seed and
    `config` alone. What such a model is told may be left out when it is used.

    Of an objective of GANs, `per_example` says that a loss looks at the gradient of each example alone, so that no
    discriminator may normalise over the batch and none of it can be compiled, and `probability` that the sigmoid of the
    discriminator's score is the probability of being real. `exceptions` maps a law of genzoo.testing that it cannot
    keep to the reason.
    """

    kind: ClassVar[str] = "objective"
    family: str
    summary: str
    players: Mapping[str, str] = field(default_factory=dict)
    fit: str = ""
    config: Mapping[str, Field] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    paper: str = ""
    per_example: bool = False
    probability: bool = False
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for player, target in self.players.items():
            check_target(target, f"objective {self.name}: player {player}")
        if self.fit:
            check_target(self.fit, f"objective {self.name}: fit")
        if bool(self.fit) == bool(self.players):
            raise InvalidInput(f"objective {self.name} must have either players, or a fit")
        check_exceptions(self.exceptions, f"objective {self.name}")


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Targeted):
    """A named data set. `target` is called as ``target(root, split, shape)`` -> genzoo.datasets.Split.

    `shape` is (channels, height, width) for pictures, or None where the recipe's ``model.input_shape`` decides it.
    `values` says what the numbers are: ``unit`` in [0, 1], ``binary`` 0 or 1, ``real`` any, ``index`` whole numbers
    below `alphabet`. `pictures` names the data set whose pictures samples are compared with where that is another one
    (grey digits for binarised ones), `features` the checkpoint of the network in whose features they are compared.
    `columns` are what is known of each example by name, ``label`` its class; `exclusions` which of their values no
    example has together, ``{"hat": "yes", "bald": "yes"}``; `factors` what generated it, where that is known.

    Of data that are what lies in a folder, `survey` finds the columns and splits there, those of the record being none
    and all possible ones: it is called as ``survey(root)`` -> genzoo.Survey.
    """

    kind: ClassVar[str] = "dataset"
    summary: str
    shape: tuple[int, ...] | None
    values: Literal["unit", "binary", "real", "index"]
    alphabet: int = 0
    splits: tuple[str, ...] = ("train", "test")
    license: str = ""
    pictures: str = ""
    features: str = ""
    columns: Mapping[str, Column] = field(default_factory=dict)
    exclusions: tuple[Mapping[str, str], ...] = ()
    factors: tuple[str, ...] = ()
    survey: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.survey:
            check_target(self.survey, f"dataset {self.name}: survey")
        if not self.splits:
            raise InvalidInput(f"dataset {self.name}: splits must name one at least")
        if (self.values == "index") != (self.alphabet > 0):
            raise InvalidInput(f"dataset {self.name}: data of values 'index', and no other, have an alphabet")
        check_columns(self.columns, f"dataset {self.name}")
        check_exclusions(self.exclusions, self.columns, f"dataset {self.name}")

    @property
    def classes(self) -> int:
        """How many classes its column ``label`` tells apart; 0 without one."""
        label = self.columns.get("label")
        return label.space.size if label and not label.space.shape else 0

    @property
    def held_out(self) -> str:
        """The split that models are measured on: test, or the first where there is none."""
        return "test" if "test" in self.splits else self.splits[0]


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Targeted):
    """A number that every model has that meets its needs.

    `needs` names the verbs, methods, properties and spaces that a model must have: ``("log_prob",)``.
    `target` is called as ``target(setting)`` with a genzoo.Setting and returns a float. It is recorded under the name
    with ``_`` for ``-``. `tolerance` is how far the value may be from another machine's, in `unit`; `protocol` says how
    it is measured, beside what is said of the examples.
    """

    kind: ClassVar[str] = "metric"
    needs: tuple[str, ...]
    unit: str
    tolerance: float
    summary: str
    protocol: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SamplerSpec(Targeted):
    """A way to draw samples.

    `target` is called with the options of `config` by keyword and returns a genzoo.Sampler: a frozen dataclass with a
    ``__call__(model, noise, given)`` does. `needs` names the verbs, methods, properties and spaces that a model must
    have.
    """

    kind: ClassVar[str] = "sampler"
    summary: str
    needs: tuple[str, ...]
    config: Mapping[str, Field] = field(default_factory=dict)
    paper: str = ""


@dataclass(frozen=True, kw_only=True)
class TrackerSpec(Targeted):
    """Who is told the terms of a run: ``genzoo train --track NAME``.

    `target` is called as ``target(name, folder)`` with the name of the run and a folder of its own in the run's, which
    is not made yet, before the first step, and returns an object with ``log(values, step)``, called with the terms of
    each epoch, and ``finish()``. `module` is what it imports, if that is not a dependency of its distribution, and
    `install` what pip installs that by, if it is called otherwise.
    """

    kind: ClassVar[str] = "tracker"
    summary: str
    module: str = ""
    install: str = ""


@dataclass(frozen=True, kw_only=True)
class ExporterSpec(Targeted):
    """A format of the files that ``genzoo export`` writes.

    `target` is called as ``target(traced, metadata)`` with a genzoo.Trace of one verb and the JSON to put into the
    file. It returns the bytes of the file, and a function of the inputs by name that computes what is in them, whose
    values are compared with the model's. `suffix` is the ending by which a file is given the format.

    `usage` is Python that loads and calls a file, with these names in braces: ``{path}``; ``{verb}``; ``{called}``,
    the arguments of the graph, or ``{named}``, a dict of them; ``{gives}``, the name of the output; ``{inputs}`` and
    ``{output}``, what they are. `packages` must be installed beside torch, and `install` is what pip installs them by,
    if it is called otherwise.
    """

    kind: ClassVar[str] = "exporter"
    summary: str
    suffix: str
    usage: str
    packages: tuple[str, ...] = ()
    install: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not SUFFIX.fullmatch(self.suffix):
            raise InvalidInput(f"exporter {self.name}: suffix must be '.' and a-z or 0-9; got {self.suffix!r:.40}")
        try:
            self.usage.format(**dict.fromkeys(USAGE_KEYS, ""))
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            raise InvalidInput(f"exporter {self.name}: usage cannot be filled in: {error!r:.80}") from None


@dataclass(frozen=True, kw_only=True)
class OperationSpec(Targeted):
    """An operation of the engine that decodes in the browser, beside those of genzoo.

    `operation` is the ATen operation, or one of a library of its own, that a decoder has in its graph:
    ``aten.sin.default``. `target` translates it, and is called as ``target(write, *arguments)`` with what the graph
    calls it with; what depends on z, or on what the model is told, is a value with a ``shape`` without the batch. It
    returns ``write(*values)``, with tensors by name in ``tensors`` and settings that JSON can hold as further keywords,
    or None where it cannot be translated.

    `script` is a JavaScript function ``(op, y, ...values) => compute``: ``compute()`` fills ``y.data``. Of y and of
    each value ``data`` is a Float32Array of channels × height × width numbers, the channels last, whose sizes are
    ``channels``, ``height`` and ``width``; ``op`` has the settings, and ``op.tensor(key)`` gives a tensor's ``shape``
    and ``data``. A page has the scripts of the operations that its models use, and of no others.
    """

    kind: ClassVar[str] = "operation"
    summary: str
    operation: str
    script: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if not OPERATION.fullmatch(self.operation):
            raise InvalidInput(
                f"operation {self.name}: operation must be as 'aten.sin.default'; got {self.operation!r:.80}"
            )
        if not self.script.strip() or "</" in self.script or "<!--" in self.script:  # would end a page's script early
            raise InvalidInput(f"operation {self.name}: script must be a JavaScript function, without '</' and '<!--'")


@dataclass(frozen=True, kw_only=True)
class Command(Targeted):
    """A command, ``genzoo NAME``. `target` is a click.Command, imported when the command is called."""

    kind: ClassVar[str] = "command"
    summary: str


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
    """What `create` builds: family × architecture with a complete, checked config, the columns that the model is told
    and those that it predicts, the checkpoints that it stands on, and how it is sampled unless told otherwise (a
    sampler's name and options). Columns stand in the order of their names, as in a record: weights depend on it."""

    family: str
    architecture: str
    config: Mapping[str, Any]
    given: Mapping[str, Column] = field(default_factory=dict)
    predicts: Mapping[str, Column] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)
    sampler: str = ""

    def __post_init__(self) -> None:
        for key, parse in TABLES.items():
            if isinstance(given := getattr(self, key), Mapping):
                tables = {name: parse(table, f"{key}.{name}") for name, table in given.items()}
                object.__setattr__(self, key, dict(sorted(tables.items())))
        conform(self, "ModelSpec")
        check_columns(self.given, "the model")
        check_columns(self.predicts, "the model")
        check_part_names(self.parts, "the model")

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.config["input_shape"])

    @cached_property
    def spaces(self) -> Mapping[str, Spaces]:
        """``data``, and of a family with a flat code ``code`` and ``noise``; made once, as every verb looks at them."""
        size = self.config["alphabet"] if self.values == "index" else 0
        spaces: dict[str, Spaces] = {"data": Space(shape=self.input_shape, values=self.values, size=size)}
        if length := self.config.get("latent_dim"):
            spaces |= dict.fromkeys(("code", "noise"), Space(shape=(length,)))
        return spaces

    @property
    def latent_dim(self) -> int:
        """Length of a code, of a family that declares the key LATENT_DIM."""
        return int(self.config["latent_dim"])

    @property
    def values(self) -> Literal["unit", "real", "index"]:
        values: Literal["unit", "real", "index"] = self.config.get("values", "unit")  # older records do not say it
        return values
