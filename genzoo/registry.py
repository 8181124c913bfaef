"""Guarded discovery: which plugins are installed, what each offers, and how a name is found.

Entry points are loaded one by one. A plugin that fails is reported with its distribution and the reason; the others
go on. Nothing here imports torch.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import pluggy

from genzoo import hookspecs
from genzoo.errors import AmbiguousName, NotFound, PluginError, did_you_mean
from genzoo.spec import Record

__all__ = ["Plugin", "Registry", "load_target", "registry", "same_distribution"]

GROUP = "genzoo.plugins"
R = TypeVar("R", bound=Record)


@dataclass(kw_only=True)
class Plugin:
    """One installed plugin. `status` is ``ok``, ``broken``, ``incompatible`` (another API version) or ``clash`` (works,
    but a name of it is also another plugin's and needs its distribution in front)."""

    name: str
    distribution: str
    version: str
    status: str = "ok"
    reason: str = ""
    path: str = ""
    records: list[Record] = field(default_factory=list)

    def fail(self, status: str, reason: str) -> None:
        self.status, self.reason, self.records = status, reason, []

    def summary(self) -> dict[str, Any]:
        """The JSON of ``genzoo plugins``."""
        offers: dict[str, list[str]] = {}
        for record in self.records:
            offers.setdefault(record.kind, []).append(record.name)
        keys = ("name", "distribution", "version", "status", "reason", "path")
        return {key: getattr(self, key) for key in keys} | {"offers": offers}


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

        Raises:
            NotFound: no plugin offers it; the message names near ones, and plugins that could not be loaded.
            AmbiguousName: several distributions do.
        """
        return self.find_entry(record_type, name, prefer=prefer)[1]

    def find_entry(self, record_type: type[R], name: str, *, prefer: str = "") -> tuple[Plugin, R]:
        distribution, _, short = name.rpartition(":")
        owners = self._index.get((record_type.kind, short), [])
        hits = [hit for hit in owners if not distribution or same_distribution(hit[0].distribution, distribution)]
        if len(hits) > 1:
            hits = [hit for hit in hits if same_distribution(hit[0].distribution, prefer)] or hits
        if len(hits) == 1:
            return hits[0]  # type: ignore[return-value]  # kind decides the type
        if not hits:
            raise self._not_found(record_type, name)
        full = sorted(f"{plugin.distribution}:{short}" for plugin, _ in hits)
        raise AmbiguousName(
            f"{record_type.kind} {short!r} is offered by {' and '.join(sorted(p.distribution for p, _ in hits))}; "
            f"say which: {' or '.join(full)}",
            suggestions=full,
        )

    def _not_found(self, record_type: type[Record], name: str) -> NotFound:
        known = self.names(record_type)
        hint, near = did_you_mean(name, known)
        if not hint:
            listed = "genzoo list" if record_type.kind in ("checkpoint", "recipe") else "genzoo plugins"
            hint = f"; known: {', '.join(known) or 'none'}" if len(known) <= 12 else f"; see: {listed}"
        failed = [f"{plugin.distribution} ({plugin.name}) is {plugin.status}" for plugin in self.failed]
        note = f" Not loaded: {', '.join(failed)}; see: genzoo plugins" if failed else ""
        return NotFound(f"no {record_type.kind} is called {name!r:.80}{hint}{note}", suggestions=near)


def same_distribution(distribution: str, other: str) -> bool:
    """Whether two spellings name one distribution (PEP 503)."""
    return _canonical(distribution) == _canonical(other)


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _mark_clash(kind: str, name: str, owners: list[Plugin]) -> None:
    for plugin in owners:
        others = ", ".join(f"{p.distribution} {p.version} ({p.name})" for p in owners if p is not plugin)
        plugin.status = "clash"
        plugin.reason = "; ".join(
            filter(None, [plugin.reason, f"{kind} {name!r} is also in {others}: write {plugin.distribution}:{name}"])
        )


@cache
def registry() -> Registry:
    """The registry of this process, discovered once. ``registry.cache_clear()`` forgets it."""
    manager = pluggy.PluginManager("genzoo")
    manager.add_hookspecs(hookspecs)
    return Registry([_load_core(manager), *(_load_plugin(manager, *found) for found in _entry_points())])


def _entry_points() -> list[tuple[Plugin, Callable[[], Any]]]:
    """One Plugin and its loader for each entry point, sorted, so that nothing depends on the order of installation."""
    from importlib.metadata import entry_points  # 18 ms: paid by the first look-up, not by `import genzoo`

    found = []
    for point in entry_points(group=GROUP):
        distribution = (point.dist.name, point.dist.version) if point.dist else ("unknown", "")
        found.append((Plugin(name=point.name, distribution=distribution[0], version=distribution[1]), point.load))
    return sorted(found, key=lambda pair: (pair[0].distribution, pair[0].name))


def _load_core(manager: pluggy.PluginManager) -> Plugin:
    from genzoo import __version__, builtin

    return _load_plugin(manager, Plugin(name="core", distribution="genzoo", version=__version__), lambda: builtin)


def _load_plugin(manager: pluggy.PluginManager, plugin: Plugin, load: Callable[[], Any]) -> Plugin:
    try:
        module = load()
    except (Exception, SystemExit) as error:  # a stranger's code: what it raises is that plugin's failure alone
        plugin.fail("broken", f"import failed: {_cause(error)}; {_remedy(plugin)}")
        return plugin
    plugin.path = str(getattr(module, "__file__", None) or "")
    wanted = getattr(module, "GENZOO_API", None)
    if wanted != hookspecs.API_VERSION:
        plugin.fail("incompatible", _api_reason(plugin, wanted))
        return plugin
    try:
        plugin.records = _records(manager, plugin, module)
    except (Exception, SystemExit) as error:  # as above
        plugin.fail("broken", f"{_cause(error)}; {_remedy(plugin)}")
    return plugin


def _records(manager: pluggy.PluginManager, plugin: Plugin, module: Any) -> list[Record]:
    name = f"{plugin.distribution}:{plugin.name}"
    manager.register(module, name)  # checks the hook's signature; raises if the module is registered already
    callers = manager.get_hookcallers(module) or []
    if unknown := [caller.name for caller in callers if caller.spec is None]:
        raise PluginError(f"it implements {', '.join(sorted(unknown))}, which this genzoo does not call")
    if not callers:
        raise PluginError("it implements no hook of genzoo; decorate genzoo_records with @genzoo.hookimpl")
    implementations = [i for i in manager.hook.genzoo_records.get_hookimpls() if i.plugin is module]
    offered: list[Any] = [implementation.function() for implementation in implementations]
    records: list[Any] = [record for returned in offered for record in returned]
    for record in records:
        if not isinstance(record, Record):
            raise PluginError(f"genzoo_records gave a {type(record).__name__}, which is no genzoo record")
    keys = [(record.kind, record.name) for record in records]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise PluginError("genzoo_records gave {} {!r} twice".format(*min(twice)))
    return records


def _cause(error: BaseException) -> str:
    """An error on one line, with the place it was raised at."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" (at {frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"


def _remedy(plugin: Plugin) -> str:
    return f"try: pip install --upgrade {plugin.distribution}, or pip uninstall {plugin.distribution}"


def _api_reason(plugin: Plugin, wanted: Any) -> str:
    ours = hookspecs.API_VERSION
    if not isinstance(wanted, int):
        return f"it does not state the plugin API it is written for; its author adds GENZOO_API = {ours}"
    target = "genzoo" if wanted > ours else plugin.distribution
    return f"it is written for plugin API {wanted}, this genzoo has {ours}; try: pip install --upgrade {target}"


def load_target(target: str, owner: str) -> Any:
    """The object behind ``"module:attribute"``.

    Raises:
        PluginError: it cannot be imported; the message names `owner` and the cause.
    """
    from importlib import import_module

    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:  # a stranger's code
        raise PluginError(
            f"{owner} names {target}, which cannot be imported: {_cause(error)}; its plugin's author can mend that"
        ) from error
