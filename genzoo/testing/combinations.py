"""Every family with every architecture that has its roles, untrained, as cases of the laws."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from types import MappingProxyType
from typing import Any, TypeVar

from genzoo.api.build import Blueprint
from genzoo.errors import InvalidInput
from genzoo.fields import Field
from genzoo.models import Model
from genzoo.registry import registry, same_distribution
from genzoo.spec import Architecture, Column, Family, ModelSpec, Objective, Record, Space
from genzoo.testing.case import Case
from genzoo.testing.inputs import least
from genzoo.testing.laws import LAWS
from genzoo.testing.learning import LEARNING_LAWS
from genzoo.testing.precision import TRACING

__all__ = ["of_combinations"]

LATENT_DIM = 5
Columns = Mapping[str, Mapping[str, Column]]
"""What a model is given and what it predicts, under the names of ModelSpec's attributes."""
NONE: Columns = MappingProxyType({})
TOLD: Columns = MappingProxyType(
    {
        "given": {
            "label": Column.of(["a", "b", "c"]),
            "size": Column(space=Space(shape=(2,)), optional=True),
            "words": Column(space=Space(shape=(4,), values="index", size=5), optional=True),
        }
    }
)
"""What conditional families are told: a class, and numbers and words that may be left out."""
PREDICTED: Columns = MappingProxyType(
    {"predicts": {"colour": Column.of(["a", "b", "c"]), "size": Column.of(["d", "e"])}}
)
"""What predictive families predict."""
R = TypeVar("R", bound=Record)


def of_combinations(distribution: str) -> Iterator[Case]:
    """The laws of models and of learning, on what a distribution's families, architectures and objectives make."""
    for combination in _combinations(distribution):
        if combination.own:
            yield from combination.cases()
        for objective, own in _known(Objective, distribution):
            if objective.family == combination.family.name and (own or combination.own):
                yield from combination.learning(objective)


@dataclass(frozen=True, kw_only=True)
class _Combination:
    """A family and an architecture that has its roles; `own` says that one of the two is the distribution's."""

    distribution: str
    family: Family
    architecture: Architecture
    own: bool

    def __str__(self) -> str:
        return f"{self.family.name}-{self.architecture.name}"

    @property
    def exceptions(self) -> Mapping[str, str]:
        return {**self.family.exceptions, **self.architecture.exceptions}

    @property
    def always(self) -> Columns:
        """The columns without which its models cannot be made."""
        needed = set(self.family.roles) & set(self.architecture.given) and self.architecture.columns
        return {"given": needed} if needed else NONE

    @property
    def columns(self) -> Iterator[Columns]:
        """The columns with which its models can be made, beside those that they `always` have."""
        if self.family.conditional and not self.always:
            yield TOLD
        if self.family.predictive:
            yield PREDICTED

    def model(self, shape: tuple[int, ...], config: Mapping[str, Any], columns: Columns = NONE) -> Model:
        """It, untrained, in eval mode, with what `config` gives and otherwise the defaults, and with `columns`."""
        refusals = []
        for options in self._ways(shape, columns):
            try:
                return self._blueprint({**options, **config}, columns).seeded(0).eval()
            except InvalidInput as error:
                refusals.append(error)
        raise refusals[0]

    def _ways(self, shape: tuple[int, ...], columns: Columns) -> Iterator[dict[str, Any]]:
        """Configs for examples of a shape, the first that is admitted is taken: some families want as many latents as
        there are values, and real values want some likelihoods alone."""
        needed = least({**self.family.config, **self.architecture.config})
        if "predicts" in columns:
            needed.pop("classes", None)  # follows from them
        given = {"input_shape": shape, **needed}
        if "latent_dim" in given:
            given["latent_dim"] = LATENT_DIM
        if "alphabet" in given:
            given |= {"values": "index", "alphabet": LATENT_DIM}
        elif len(shape) < 3:
            given["values"] = "real"
        yield given
        if "latent_dim" in given:
            yield given | {"latent_dim": prod(shape)}
        if len(shape) < 3:
            yield from (given | {key: value} for key, value in _others(self.family.config))

    def _blueprint(self, config: Mapping[str, Any], columns: Columns) -> Blueprint:
        spec = ModelSpec(
            family=self.family.name,
            architecture=self.architecture.name,
            config=config,
            given=columns.get("given", {}),
            predicts=columns.get("predicts", {}),
        )
        return Blueprint.of(spec, str(self), prefer=self.distribution)

    def cases(self) -> Iterator[Case]:
        first, *_ = self.architecture.shapes
        for shape in self.architecture.shapes:
            for law in LAWS:
                yield self._case(law, shape, {}, self.always)
        for law in TRACING:
            yield self._case(law, first, {}, self.always)
        for columns in self.columns:
            for law in (*LAWS, *TRACING):
                yield self._case(law, first, {}, columns)
        for key, value in _others({**self.family.config, **self.architecture.config}):
            for law in LAWS:
                yield self._case(law, first, {key: value}, self.always)

    def _case(
        self,
        law: Callable[[Any], None],
        shape: tuple[int, ...],
        config: Mapping[str, Any],
        columns: Columns,
    ) -> Case:
        told = " ".join([_words(shape), *(f"{key}={value}" for key, value in config.items()), *_names(columns)])
        return Case(
            law=law,
            subject=f"{self} {told}",
            arguments=lambda: (self.model(shape, config, columns),),
            exceptions=self.exceptions,
        )

    def learning(self, objective: Objective) -> Iterator[Case]:
        shapes = [(shape, self.always) for shape in self.architecture.shapes]
        told = [(self.architecture.shapes[0], columns) for columns in self.columns]
        for shape, columns in (*shapes, *told):
            for law in LEARNING_LAWS:
                yield Case(
                    law=law,
                    subject=" ".join([f"{self} {_words(shape)} by {objective.name}", *_names(columns)]),
                    arguments=partial(
                        lambda shape, columns: (self.model(shape, {}, columns), objective), shape, columns
                    ),
                    exceptions={**self.exceptions, **objective.exceptions},
                )


def _words(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))  # ASCII, as pytest shows nothing else in a name


def _names(columns: Columns) -> list[str]:
    return [name for told in columns.values() for name in told]


def _combinations(distribution: str) -> Iterator[_Combination]:
    """Every pair that fits, of the distribution's own and genzoo's: other plugins may be there today and not
    tomorrow."""
    for family, owns_family in _known(Family, distribution):
        for architecture, owns_architecture in _known(Architecture, distribution):
            if set(family.roles) <= set(architecture.roles) and not family.parts:  # which parts, nobody can guess
                found = _Combination(
                    distribution=distribution,
                    family=family,
                    architecture=architecture,
                    own=owns_family or owns_architecture,
                )
                if family.conditional or not found.always:
                    yield found


def _known(kind: type[R], distribution: str) -> Iterator[tuple[R, bool]]:
    """The records of a kind that are the distribution's or genzoo's, and whether they are the former."""
    for _, plugin, record in registry().entries(kind):
        own = same_distribution(plugin.distribution, distribution)
        if own or plugin.distribution == "genzoo":
            yield record, own


def _others(fields: Mapping[str, Field]) -> Iterator[tuple[str, Any]]:
    """Every choice that is not the default, and every optional part (a number that is 0) switched on."""
    for key, rule in fields.items():
        if rule.kind == "str":
            yield from ((key, value) for value in rule.choices if value != rule.default)
        elif not rule.required and rule.kind in ("int", "float") and rule.default == 0:
            yield key, 1
