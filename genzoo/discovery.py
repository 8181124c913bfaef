"""Guarded discovery: which plugins are installed, and what each offers.

Entry points are loaded one by one. A plugin that fails is reported with its distribution and the reason; the others
go on. Nothing here imports torch. What the user blocks is not imported:

    GENZOO_BLOCK_PLUGINS=genzoo-a,genzoo-b   all distributions but these
    GENZOO_ONLY_PLUGINS=genzoo-a             genzoo's own and these alone; none but genzoo's own if it is empty

A name in them that no installed plugin has is warned of: misspelt, it would do nothing, in silence.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pluggy

from genzoo import hookspecs
from genzoo.errors import GenzooWarning, PluginError
from genzoo.guard import Failed, guarded
from genzoo.spec import RECORDS, Record
from genzoo.spec.changes import CHANGED, advice

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = ["GROUP", "OURS", "Plugin", "canonical", "discover", "is_distribution_name", "same_distribution"]

GROUP = "genzoo.plugins"
OURS = "genzoo"
BLOCK, ONLY = "GENZOO_BLOCK_PLUGINS", "GENZOO_ONLY_PLUGINS"
UNNAMED = "unknown"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")


@dataclass(kw_only=True)
class Plugin:
    """One installed plugin. `status` is ``ok``, ``broken``, ``incompatible`` (another API version), ``blocked`` (by the
    user) or ``clash`` (works, but a name of it is also another plugin's and needs its distribution in front). `api` is
    the version of the interface it is written for, where it says so; `path` is its module's file."""

    name: str
    distribution: str
    version: str
    api: int | None = None
    status: str = "ok"
    reason: str = ""
    path: str = ""
    records: list[Record] = field(default_factory=list)

    def fail(self, status: str, reason: str) -> None:
        self.status, self.records = status, []
        self.remark(reason)

    def remark(self, reason: str) -> None:
        """Add to what is said of it."""
        self.reason = "; ".join(filter(None, [self.reason, reason]))

    def summary(self) -> dict[str, Any]:
        """The JSON of ``genzoo plugins``."""
        offers: dict[str, list[str]] = {}
        for record in self.records:
            offers.setdefault(record.kind, []).append(record.name)
        keys = ("name", "distribution", "version", "api", "status", "reason", "path")
        return {key: getattr(self, key) for key in keys} | {"offers": offers}


def same_distribution(distribution: str, other: str) -> bool:
    """Whether two spellings name one distribution (PEP 503)."""
    return canonical(distribution) == canonical(other)


def is_distribution_name(name: object) -> bool:
    """Whether it can be the name of a distribution (PEP 508), of at most 100 characters."""
    return isinstance(name, str) and bool(_NAME.fullmatch(name))


@cache
def canonical(distribution: str) -> str:
    """The spelling that all spellings of a distribution's name have in common (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def discover() -> list[Plugin]:
    """Core and every installed plugin, loaded unless it is blocked."""
    manager = pluggy.PluginManager("genzoo")
    manager.add_hookspecs(hookspecs)
    return [_load_core(manager), *(_load_plugin(manager, *found) for found in _entry_points())]


def _load_core(manager: pluggy.PluginManager) -> Plugin:
    from genzoo import __version__, builtin

    return _load_plugin(manager, Plugin(name="core", distribution=OURS, version=__version__), lambda: builtin)


Found = tuple[Plugin, Callable[[], Any]]


def _entry_points() -> list[Found]:
    """One Plugin and its loader for each entry point, sorted, so that nothing depends on the order of installation."""
    from importlib.metadata import distributions  # 18 ms: paid by the first look-up, not by `import genzoo`

    groups: dict[str, list[tuple[Distribution, list[Found]]]] = {}
    for number, distribution in enumerate(distributions()):
        if plugins := _plugins_of(distribution):
            name = plugins[0][0].distribution
            key = canonical(name) if name != UNNAMED else f"{UNNAMED} {number}"  # those have nothing in common
            groups.setdefault(key, []).append((distribution, plugins))
    _look_for_misspelt({OURS, *groups})
    pairs = [pair for key, group in groups.items() for pair in (_ours_of(group) if key == OURS else _first_of(group))]
    return sorted(pairs, key=lambda pair: (pair[0].distribution, pair[0].name))


def _plugins_of(distribution: Distribution) -> list[Found]:
    """The plugins of a distribution, a broken one if what it declares cannot be read: it may be none of genzoo's, but
    who should say so?"""
    try:
        points = [point for point in distribution.entry_points if point.group == GROUP]
    except Exception as error:  # whatever a parser raises for any file
        name, version, _ = _described(distribution)
        plugin = _plugin("entry_points.txt", name, version)
        if plugin.status == "ok":
            where = f"entry_points.txt of {name} in {distribution.locate_file('')}"
            plugin.fail("broken", f"{where} cannot be read: {error}; try: pip install --force-reinstall {name}")
        return [(plugin, _nothing)]
    if not points:  # most distributions: parsing the metadata of each would double the time of a listing
        return []
    name, version, complaint = _described(distribution)
    found = [(_plugin(point.name, name, version), point.load) for point in points]
    for plugin, _ in found:
        plugin.remark(complaint)
    return found


def _plugin(name: str, distribution: str, version: str) -> Plugin:
    """A plugin that is not loaded yet, or blocked."""
    plugin = Plugin(name=name, distribution=distribution, version=version)
    if by := _blocked_by(canonical(distribution)):
        plugin.fail("blocked", f"by {by}={os.environ[by]}")
    return plugin


def _nothing() -> None:
    """The loader of a plugin that is not loaded."""


def _described(distribution: Distribution) -> tuple[str, str, str]:
    """Name and version, and what is wrong with them: metadata may be gone or damaged."""
    try:
        name, version = distribution.name, distribution.version
    except Exception as error:  # whatever a parser raises for any file
        return UNNAMED, "", f"METADATA in {distribution.locate_file('')} cannot be read: {error}"
    if name and not is_distribution_name(name):
        return UNNAMED, version or "", f"it is called {name!r:.80}, which is no distribution's name"
    return name or UNNAMED, version or "", ""


def _first_of(group: list[tuple[Distribution, list[Found]]]) -> list[Found]:
    """The plugins of the first of several distributions of one name, which say that they hide the others."""
    (first, plugins), *others = group
    for other, (found, *_) in others:
        if (first.version, first.name) != (other.version, other.name):  # an editable install may be found twice
            for plugin, _ in plugins:
                plugin.remark(_twice(plugin, found[0].version, other))
    return plugins


def _ours_of(group: list[tuple[Distribution, list[Found]]]) -> list[Found]:
    """genzoo's own plugins, and a broken one for each other distribution whose name is the same by PEP 503."""
    likeness = [_likeness(distribution) for distribution, _ in group]
    best = likeness.index(max(likeness))
    ours = [pair for pair in [group[best], *group[:best], *group[best + 1 :]] if pair[0].name == OURS]
    if likeness[best][0] and group[best] not in ours:  # the running code was installed under another spelling
        ours.insert(0, group[best])
    others = [pair[1][0][0] for pair in group if pair not in ours]
    return [*(_first_of(ours) if ours else []), *map(_refused, others)]


def _likeness(distribution: Distribution) -> tuple[bool, bool, bool]:
    """How much a distribution is that of the running code: it lies there, it is called so, it has its version."""
    from genzoo import __version__

    here = Path(__file__).parent.resolve()
    lies = Path(str(distribution.locate_file(OURS))).resolve() == here or _editable_at(distribution) == here.parent
    return lies, distribution.name == OURS, distribution.version == __version__


def _editable_at(distribution: Distribution) -> Path | None:
    """The folder that an editable install points to (PEP 610)."""
    with suppress(Exception):  # whatever is in that file
        url = urlsplit(json.loads(distribution.read_text("direct_url.json") or "")["url"])
        return Path(unquote(url.path)).resolve()
    return None


def _refused(plugin: Plugin) -> Found:
    if plugin.status == "ok":
        told = f"its distribution is called {plugin.distribution}, which is genzoo's own name by PEP 503"
        plugin.fail("broken", f"{told}; it is not loaded, and its author can give it another name")
    return plugin, _nothing


def _blocked_by(distribution: str) -> str:
    """The environment variable that keeps a distribution out, or ""."""
    if distribution in (_names(BLOCK) or ()):
        return BLOCK
    only = _names(ONLY)
    return ONLY if only is not None and distribution not in {*only, OURS} else ""


def _names(variable: str) -> set[str] | None:
    """The distributions that an environment variable lists, or None if it is not set."""
    listed = os.environ.get(variable)
    return None if listed is None else {canonical(name) for name in re.split(r"[,\s]+", listed) if name}


def _look_for_misspelt(installed: set[str]) -> None:
    for variable in (BLOCK, ONLY):
        if lost := (_names(variable) or set()) - installed:
            names, known = ", ".join(sorted(lost)), ", ".join(sorted(installed))
            _warn_once(f"{variable} names {names}, of which no plugin is installed; installed: {known}")


@cache
def _warn_once(message: str) -> None:
    warnings.warn(message, GenzooWarning, stacklevel=2)


def _twice(plugin: Plugin, version: str, other: Distribution) -> str:
    named = "" if other.name == plugin.distribution else f" of {other.name}"
    return (
        f"version {version}{named} is installed too, in {other.locate_file('')}, and hidden by this one; "
        f"pip uninstall {plugin.distribution} until none is left, and install it again"
    )


def _load_plugin(manager: pluggy.PluginManager, plugin: Plugin, load: Callable[[], Any]) -> Plugin:
    if plugin.status != "ok":
        return plugin
    what = "import failed: "
    try:
        module = guarded(load)
        what = ""
        plugin.path, plugin.api = guarded(lambda: _stated(module))
        if plugin.api != hookspecs.API_VERSION:
            plugin.fail("incompatible", _api_reason(plugin))
            return plugin
        plugin.records = guarded(lambda: list(_records(manager, plugin, module)))
    except Failed as error:
        told = "; ".join(filter(None, (f"{what}{error}", advice(error.__cause__))))
        plugin.api = plugin.api or _stated_by_then(error)
        if plugin.api is not None and plugin.api != hookspecs.API_VERSION:
            plugin.fail("incompatible", f"{_api_reason(plugin)} ({told})")
        else:
            plugin.fail("broken", f"{told}; {_remedy(plugin)}")
    return plugin


def _stated(module: Any) -> tuple[str, int | None]:
    """The file of a plugin's module, and the API that it is written for. A module may answer anything, or raise."""
    wanted = getattr(module, "GENZOO_API", None)
    return str(getattr(module, "__file__", None) or ""), wanted if type(wanted) is int else None


def _stated_by_then(error: Failed) -> int | None:
    """The API that a module stated before it failed, as far as that is known."""
    frames = (frame for frame, _ in walk_tb(error.__cause__.__traceback__ if error.__cause__ else None))
    stated = (frame.f_globals.get("GENZOO_API") for frame in frames)
    return next((wanted for wanted in stated if type(wanted) is int), None)


def _records(manager: pluggy.PluginManager, plugin: Plugin, module: Any) -> Iterator[Record]:
    if first := manager.get_name(module):
        raise PluginError(
            f"its module {getattr(module, '__name__', '')} is that of {first} already; keep one of the two"
        )
    manager.register(module, f"{plugin.distribution}:{plugin.name}")  # checks the hook's signature
    callers = manager.get_hookcallers(module) or []
    if unknown := [caller.name for caller in callers if caller.spec is None]:
        raise PluginError(f"it implements {', '.join(sorted(unknown))}, which this genzoo does not call")
    if not callers:
        raise PluginError("it implements no hook of genzoo; decorate genzoo_records with @genzoo.hookimpl")
    implementations = [i for i in manager.hook.genzoo_records.get_hookimpls() if i.plugin is module]
    offered: list[Any] = [implementation.function() for implementation in implementations]
    if lone := [returned for returned in offered if not isinstance(returned, Iterable)]:
        raise PluginError(f"genzoo_records gave a {type(lone[0]).__name__}, which is no list of records")
    keys = set()
    for record in (record for returned in offered for record in returned):
        if type(record) not in RECORDS:  # whose types were checked when they were made
            raise PluginError(f"genzoo_records gave a {type(record).__name__}, which is no genzoo record")
        if (key := (record.kind, record.name)) in keys:
            raise PluginError(f"genzoo_records gave {record.kind} {record.name!r} twice")
        keys.add(key)
        yield record


def _remedy(plugin: Plugin) -> str:
    return f"try: pip install --upgrade {plugin.distribution}, or pip uninstall {plugin.distribution}"


def _api_reason(plugin: Plugin) -> str:
    ours = hookspecs.API_VERSION
    if plugin.api is None:
        return f"it does not state the plugin API it is written for; its author adds GENZOO_API = {ours}"
    target = "genzoo" if plugin.api > ours else plugin.distribution
    told = f"it is written for plugin API {plugin.api}, this genzoo has {ours}; try: pip install --upgrade {target}"
    return f"{told}; its author changes {CHANGED[plugin.api]}" if plugin.api in CHANGED else told
