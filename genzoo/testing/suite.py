"""Every law on everything that a distribution offers, as cases; and those as one parametrised pytest test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any, TypeVar

from genzoo.api.build import Blueprint, load
from genzoo.errors import GenzooError, InvalidInput, NetworkError, NotFound
from genzoo.fields import Field
from genzoo.models import Model
from genzoo.registry import registry, same_distribution
from genzoo.spec import Architecture, Checkpoint, Family, ModelSpec, Objective, Record
from genzoo.testing.golden import golden_outputs_are_reproduced
from genzoo.testing.inputs import least
from genzoo.testing.laws import LAWS
from genzoo.testing.learning import LEARNING_LAWS
from genzoo.testing.networks import NETWORK_LAWS, ROLES
from genzoo.testing.precision import TRACING
from genzoo.testing.records import DISTRIBUTION_LAWS, RECORD_LAWS, RecordLaw, plugins_of

__all__ = ["Case", "cases", "declared", "plugin_suite"]

LATENT_DIM = 5
R = TypeVar("R", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A law on a subject. `reason` is why the law cannot hold, where a record says so."""

    law: Callable[..., None]
    subject: str
    arguments: Callable[[], tuple[Any, ...]]
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.subject}-{self.law.__name__}"

    @property
    def reason(self) -> str:
        return self.exceptions.get(self.law.__name__, "")

    def check(self) -> None:
        """AssertionError with the law, the subject and the figure if the law does not hold."""
        try:
            self.law(*self.arguments())
        except NetworkError:
            raise  # the law could not be put to the test
        except Exception as error:  # whatever a stranger's code raises, it is not what the law says
            figure = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            raise AssertionError(
                f"the law {self.law.__name__} does not hold for {self.subject}: {figure}. "
                f"The law: {' '.join((self.law.__doc__ or '').split())}"
            ) from error


def plugin_suite(distribution: str) -> Callable[[Case], None]:
    """A pytest test of every law on everything that an installed distribution offers.

    Assign it to a name that begins with ``test_``. A law that a record declares not to hold is an expected failure,
    with the reason; weights that cannot be fetched are skipped.

    Raises:
        NotFound: the distribution is not installed, or has no plugin.
    """
    import pytest

    marked = [
        pytest.param(case, id=str(case), marks=pytest.mark.xfail(reason=case.reason) if case.reason else ())
        for case in cases(distribution)
    ]

    @pytest.mark.parametrize("case", marked)
    def test(case: Case) -> None:
        try:
            case.check()
        except NetworkError as error:
            pytest.skip(error.message)

    return test


def cases(distribution: str) -> Iterator[Case]:
    """Every law on everything that a distribution offers; NotFound if it has no plugin."""
    yield from declared(distribution)
    for plugin in plugins_of(distribution):
        for record in plugin.records:
            if isinstance(record, Architecture):
                yield from _of_networks(record)
            if isinstance(record, Checkpoint):
                yield from _of_weights(record, plugin.distribution)
    for combination in _combinations(distribution):
        if combination.own:
            yield from combination.cases()
        for objective, own in _known(Objective, distribution):
            if objective.family == combination.family.name and (own or combination.own):
                yield from combination.learning(objective)


def declared(distribution: str) -> Iterator[Case]:
    """The laws of what a distribution declares, without those of its models; NotFound if it has no plugin."""
    plugins = plugins_of(distribution)
    if not plugins:
        raise NotFound(f"{distribution} is not installed, or has no entry point in genzoo.plugins: pip install -e .")
    for law in DISTRIBUTION_LAWS:
        yield Case(law=law, subject=distribution, arguments=lambda: (distribution,))
    for plugin in plugins:
        for record in plugin.records:
            for record_law, kinds in (*RECORD_LAWS, (exceptions_are_of_laws, (Architecture, Family, Objective))):
                if isinstance(record, kinds):
                    yield _of_record(record_law, record, plugin.distribution)


def exceptions_are_of_laws(record: Architecture | Family | Objective, distribution: str) -> None:
    """Whatever a record says cannot hold is a law."""
    laws = (*(law for law, _ in RECORD_LAWS), *NETWORK_LAWS, *LAWS, *TRACING, *LEARNING_LAWS)
    unknown = sorted(set(record.exceptions) - {law.__name__ for law in (*laws, golden_outputs_are_reproduced)})
    assert not unknown, f"there is no law {', '.join(unknown)}"


def _of_record(law: RecordLaw, record: Record, distribution: str) -> Case:
    return Case(
        law=law,
        subject=f"{record.kind} {record.name}",
        arguments=lambda: (record, distribution),
        exceptions=getattr(record, "exceptions", {}),
    )


def _of_networks(record: Architecture) -> Iterator[Case]:
    for role in filter(ROLES.__contains__, record.roles):
        for law in NETWORK_LAWS:
            yield Case(
                law=law,
                subject=f"architecture {record.name}'s {role}",
                arguments=partial(lambda role: (record, role), role),
                exceptions=record.exceptions,
            )


def _of_weights(record: Checkpoint, distribution: str) -> Iterator[Case]:
    exceptions: dict[str, str] = {}
    with suppress(GenzooError):  # of a checkpoint whose networks are not there: loading it says so
        blueprint = Blueprint.of(record.spec, record.name, prefer=distribution)
        exceptions = {**blueprint.family.exceptions, **blueprint.architecture.exceptions}
    name = f"{distribution}:{record.name}"
    case = partial(Case, subject=f"checkpoint {record.name}", exceptions=exceptions)
    for law in LAWS:
        yield case(law=law, arguments=lambda: (load(name),))
    yield case(law=golden_outputs_are_reproduced, arguments=lambda: (load(name), record.folder))


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

    def model(self, shape: tuple[int, ...], config: Mapping[str, Any]) -> Model:
        """It, untrained, in eval mode, with what `config` gives and otherwise the defaults."""
        refusals = []
        for options in self._ways(shape):
            try:
                return self._blueprint({**options, **config}).seeded(0).eval()
            except InvalidInput as error:
                refusals.append(error)
        raise refusals[0]

    def _ways(self, shape: tuple[int, ...]) -> Iterator[dict[str, Any]]:
        """Configs for examples of a shape, the first that is admitted is taken: some families want as many latents as
        there are values, and real values want some likelihoods alone."""
        needed = least({**self.family.config, **self.architecture.config})
        given = {"input_shape": shape, "latent_dim": LATENT_DIM, **needed}
        if len(shape) < 3:
            given["values"] = "real"
        yield given
        yield given | {"latent_dim": prod(shape)}
        if len(shape) < 3:
            yield from (given | {key: value} for key, value in _others(self.family.config))

    def _blueprint(self, config: Mapping[str, Any]) -> Blueprint:
        spec = ModelSpec(family=self.family.name, architecture=self.architecture.name, config=config)
        return Blueprint.of(spec, str(self), prefer=self.distribution)

    def cases(self) -> Iterator[Case]:
        first, *_ = self.architecture.shapes
        for shape in self.architecture.shapes:
            for law in LAWS:
                yield self._case(law, shape, {})
        for law in TRACING:
            yield self._case(law, first, {})
        for key, value in _others({**self.family.config, **self.architecture.config}):
            for law in LAWS:
                yield self._case(law, first, {key: value})

    def _case(self, law: Callable[[Any], None], shape: tuple[int, ...], config: Mapping[str, Any]) -> Case:
        told = " ".join([_words(shape), *(f"{key}={value}" for key, value in config.items())])
        return Case(
            law=law,
            subject=f"{self} {told}",
            arguments=lambda: (self.model(shape, config),),
            exceptions=self.exceptions,
        )

    def learning(self, objective: Objective) -> Iterator[Case]:
        for shape in self.architecture.shapes:
            for law in LEARNING_LAWS:
                yield Case(
                    law=law,
                    subject=f"{self} {_words(shape)} by {objective.name}",
                    arguments=partial(lambda shape: (self.model(shape, {}), objective), shape),
                    exceptions={**self.exceptions, **objective.exceptions},
                )


def _words(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))  # ASCII, as pytest shows nothing else in a name


def _combinations(distribution: str) -> Iterator[_Combination]:
    """Every pair that fits, of the distribution's own and genzoo's: other plugins may be there today and not
    tomorrow."""
    for family, owns_family in _known(Family, distribution):
        for architecture, owns_architecture in _known(Architecture, distribution):
            if set(family.roles) <= set(architecture.roles):
                yield _Combination(
                    distribution=distribution,
                    family=family,
                    architecture=architecture,
                    own=owns_family or owns_architecture,
                )


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
