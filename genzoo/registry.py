"""The records of all plugins, and how a name is found among them. Free of torch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from genzoo.discovery import Plugin, discover, same_distribution
from genzoo.errors import AmbiguousName, GenzooWarning, NotFound, PluginError, did_you_mean
from genzoo.guard import Failed, guarded
from genzoo.spec import Alias, Checkpoint, Record, Tombstone

__all__ = ["PUBLIC_PLUGINS", "Found", "Plugin", "Registry", "load_target", "registry", "same_distribution"]

R = TypeVar("R", bound=Record)

PUBLIC_PLUGINS: Mapping[str, tuple[str, ...]] = {}
"""Distribution -> names that it offers, of plugins that anyone can install. None is public yet."""


@dataclass(frozen=True, kw_only=True)
class Found(Generic[R]):
    """A record and where it came from.

    Attributes:
        record: what was found.
        plugin: the one that offers it; None for that of a folder or of the hub.
        owner: the distribution in which the names in the record are looked up first: the plugin's, or else the one that
            a checkpoint was trained with, "" if that is not recorded.
        within: of a part that a checkpoint on the hub brings along, the folder in that one's repository, with a ``/``
            at its end; "" of others.
    """

    record: R
    plugin: Plugin | None
    owner: str
    within: str = ""


class Registry:
    """The records of all plugins, found by kind and name.

    A name that two distributions offer must be written ``distribution:name``; that form always works.
    """

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.plugins = list(plugins)
        self._index: dict[tuple[str, str], list[tuple[Plugin, Record]]] = {}
        for plugin in self.plugins:
            self._refuse_twins(plugin)
            for record in plugin.records:
                self._index.setdefault((record.kind, record.name), []).append((plugin, record))
        for (kind, name), owners in self._index.items():
            if len(owners) > 1:
                _mark_clash(kind, name, [plugin for plugin, _ in owners])

    def _refuse_twins(self, plugin: Plugin) -> None:
        """A distribution that offers a name twice could not be told apart from itself: its later plugin is broken."""
        for record in plugin.records:
            for other, _ in self._index.get((record.kind, record.name), []):
                if same_distribution(other.distribution, plugin.distribution):
                    plugin.fail(
                        "broken", f"{record.kind} {record.name!r} is {other.name}'s already, of the same distribution"
                    )
                    return

    @property
    def failed(self) -> list[Plugin]:
        """The plugins that offer nothing, because they are broken or of another API version."""
        return [plugin for plugin in self.plugins if plugin.status in ("broken", "incompatible")]

    def names(self, record_type: type[R]) -> list[str]:
        """All names of a kind, sorted; a clashing one once for each distribution, as ``distribution:name``."""
        return sorted(name for name, _, _ in self.entries(record_type))

    def entries(self, record_type: type[R]) -> Iterator[tuple[str, Plugin, R]]:
        """(name to type, plugin, record) of every record of a kind."""
        for (kind, name), owners in self._index.items():
            if kind == record_type.kind:
                for plugin, record in owners:
                    shown = name if len(owners) == 1 else f"{plugin.distribution}:{name}"
                    yield shown, plugin, record  # type: ignore[misc]  # kind decides the type

    def find(self, record_type: type[R], name: str, *, prefer: str = "") -> R:
        """The record called `name` or ``distribution:name``; of several, that of the distribution `prefer`.

        The former name of a checkpoint finds it too, with a GenzooWarning.

        Raises:
            NotFound: no plugin offers it; the message names near ones, plugins that could not be loaded, and what was
                withdrawn and why.
            AmbiguousName: several distributions do.
        """
        return self.find_entry(record_type, name, prefer=prefer).record

    def find_entry(self, record_type: type[R], name: str, *, prefer: str = "") -> Found[R]:
        """As `find`, with the plugin that offers it."""
        found = self._lookup(record_type, name, prefer)
        if found is None and record_type is Checkpoint:
            found = self._former(record_type, name, prefer)
        if found is None:
            raise self._not_found(record_type, name)
        plugin, record = found
        return Found(record=record, plugin=plugin, owner=plugin.distribution)

    def _lookup(self, record_type: type[R], name: str, prefer: str) -> tuple[Plugin, R] | None:
        distribution, _, short = name.rpartition(":")
        owners = self._index.get((record_type.kind, short), [])
        hits = [hit for hit in owners if not distribution or same_distribution(hit[0].distribution, distribution)]
        if len(hits) > 1:
            hits = [hit for hit in hits if same_distribution(hit[0].distribution, prefer)] or hits
        if len(hits) <= 1:
            return hits[0] if hits else None  # type: ignore[return-value]  # kind decides the type
        full = sorted(f"{plugin.distribution}:{short}" for plugin, _ in hits)
        raise AmbiguousName(
            f"{record_type.kind} {short!r} is offered by {' and '.join(sorted(p.distribution for p, _ in hits))}; "
            f"say which: {' or '.join(full)}",
            suggestions=full,
        )

    def _former(self, record_type: type[R], name: str, prefer: str) -> tuple[Plugin, R] | None:
        """What is called otherwise now; NotFound with the reason if it was withdrawn."""
        if renamed := self._lookup(Alias, name, prefer):
            plugin, alias = renamed
            warnings.warn(f"{name} is called {alias.to} now; write that", GenzooWarning, stacklevel=2)
            return self._lookup(record_type, f"{plugin.distribution}:{alias.to}", prefer)
        if withdrawn := self._lookup(Tombstone, name, prefer):
            _, stone = withdrawn
            instead = f"; take {stone.instead} instead" if stone.instead else ""
            near = [stone.instead] if stone.instead else []
            raise NotFound(f"{name} was withdrawn: {stone.reason}{instead}", suggestions=near)
        return None

    def _not_found(self, record_type: type[Record], name: str) -> NotFound:
        known = self.names(record_type)
        hint, near = did_you_mean(name, known)
        if installs := [f"pip install {home}" for home, names in PUBLIC_PLUGINS.items() if name in names]:
            hint, near = f"; a plugin has it: {' or '.join(installs)}", installs
        if not hint:
            listed = "genzoo list" if record_type.kind in ("checkpoint", "recipe") else "genzoo plugins"
            hint = f"; known: {', '.join(known) or 'none'}" if len(known) <= 12 else f"; see: {listed}"
        idle = [plugin for plugin in self.plugins if plugin.status in ("broken", "incompatible", "blocked")]
        failed = [f"{plugin.distribution} ({plugin.name}) is {plugin.status}" for plugin in idle]
        note = f" Not loaded: {', '.join(failed)}; see: genzoo plugins" if failed else ""
        return NotFound(f"no {record_type.kind} is called {name!r:.80}{hint}{note}", suggestions=near)


def _mark_clash(kind: str, name: str, owners: list[Plugin]) -> None:
    for plugin in owners:
        others = ", ".join(f"{p.distribution} {p.version} ({p.name})" for p in owners if p is not plugin)
        plugin.status = "clash"
        plugin.remark(f"{kind} {name!r} is also in {others}: write {plugin.distribution}:{name}")


@cache
def registry() -> Registry:
    """The registry of this process, discovered once. ``registry.cache_clear()`` forgets it.

    Raises:
        PluginError: with GENZOO_STRICT_PLUGINS=1, a plugin is broken or of another API version.
    """
    found = Registry(discover())
    check_strictly(found)
    return found


def check_strictly(found: Registry) -> None:
    """PluginError if a plugin has failed and GENZOO_STRICT_PLUGINS=1 says that none may."""
    if os.environ.get("GENZOO_STRICT_PLUGINS", "0") in ("", "0") or not found.failed:
        return
    told = [f"{plugin.distribution} ({plugin.name}) is {plugin.status}: {plugin.reason}" for plugin in found.failed]
    raise PluginError(f"GENZOO_STRICT_PLUGINS is set, and {'. '.join(told)}")


def load_target(target: str, owner: str) -> Any:
    """The object behind ``"module:attribute"``.

    Raises:
        PluginError: it cannot be imported; the message names `owner` and the cause.
    """
    from importlib import import_module

    module, _, attribute = target.partition(":")
    try:
        return guarded(lambda: getattr(import_module(module), attribute))
    except Failed as error:
        raise PluginError(
            f"{owner} names {target}, which cannot be imported: {error}; its plugin's author can mend that"
        ) from error.__cause__
