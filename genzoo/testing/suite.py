"""Every law on everything that a distribution offers, as cases; and those as one parametrised pytest test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

from genzoo.api.build import Blueprint, load
from genzoo.errors import GenzooError, NetworkError, NotFound
from genzoo.spec import Architecture, Checkpoint, Family, Objective, Record
from genzoo.testing.case import Case
from genzoo.testing.combinations import of_combinations
from genzoo.testing.golden import golden_outputs_are_reproduced
from genzoo.testing.laws import LAWS
from genzoo.testing.learning import LEARNING_LAWS
from genzoo.testing.networks import NETWORK_LAWS, ROLES
from genzoo.testing.precision import TRACING
from genzoo.testing.records import DISTRIBUTION_LAWS, RECORD_LAWS, RecordLaw, plugins_of

__all__ = ["cases", "declared", "plugin_suite"]


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
    yield from of_combinations(distribution)


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
