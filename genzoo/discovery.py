"""Guarded discovery: which plugins are installed, and what each offers.

Entry points are loaded one by one. A plugin that fails is reported with its distribution and the reason; the others
go on. Nothing here imports torch. What the user blocks is not imported:

    GENZOO_BLOCK_PLUGINS=genzoo-a,genzoo-b   all distributions but these
    GENZOO_ONLY_PLUGINS=genzoo-a             genzoo's own and these alone; none but genzoo's own if it is empty

A name in them that no installed plugin has is warned of: misspelt, it would do nothing, in silence.
"""

from __future__ import annotations

import importlib
import os
import re
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from genzoo import hookspecs
from genzoo.errors import GenzooWarning, PluginError
from genzoo.spec import Record

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

__all__ = ["Plugin", "cause", "discover", "same_distribution"]

GROUP = "genzoo.plugins"
OURS = "genzoo"
BLOCK, ONLY = "GENZOO_BLOCK_PLUGINS", "GENZOO_ONLY_PLUGINS"
_NO_PLACES = (f"{Path(__file__).parent}{os.sep}", *importlib.__path__, "<")


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
    return _canonical(distribution) == _canonical(other)


@cache
def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def discover() -> list[Plugin]:
    """Core and every installed plugin, loaded unless it is blocked."""
    manager = pluggy.PluginManager("genzoo")
    manager.add_hookspecs(hookspecs)
    return [_load_core(manager), *(_load_plugin(manager, *found) for found in _entry_points())]


def _load_core(manager: pluggy.PluginManager) -> Plugin:
    from genzoo import __version__, builtin

    return _load_plugin(manager, Plugin(name="core", distribution=OURS, version=__version__), lambda: builtin)


def _entry_points() -> list[tuple[Plugin, Callable[[], Any]]]:
    """One Plugin and its loader for each entry point, sorted, so that nothing depends on the order of installation."""
    from importlib.metadata import distributions  # 18 ms: paid by the first look-up, not by `import genzoo`

    found: dict[str, list[tuple[Plugin, Callable[[], Any]]]] = {}
    for distribution in distributions():
        points = [point for point in distribution.entry_points if point.group == GROUP]
        if not points:
            continue
        name = _canonical(distribution.name or "unknown")  # metadata may be damaged
        if (first := found.get(name)) is None:
            found[name] = [_plugin_of(distribution, point) for point in points]
        elif first[0][0].version != distribution.version:  # an editable install may be found twice
            for plugin, _ in first:
                plugin.remark(_twice(plugin, distribution))
    _look_for_misspelt({OURS, *found})
    pairs = [pair for points in found.values() for pair in points]
    return sorted(pairs, key=lambda pair: (pair[0].distribution, pair[0].name))


def _plugin_of(distribution: Distribution, point: EntryPoint) -> tuple[Plugin, Callable[[], Any]]:
    name = distribution.name or "unknown"  # metadata may be damaged
    plugin = Plugin(name=point.name, distribution=name, version=distribution.version or "")
    if by := _blocked_by(_canonical(name)):
        plugin.fail("blocked", f"by {by}={os.environ[by]}")
    return plugin, point.load


def _blocked_by(distribution: str) -> str:
    """The environment variable that keeps a distribution out, or ""."""
    if distribution in (_names(BLOCK) or ()):
        return BLOCK
    only = _names(ONLY)
    return ONLY if only is not None and distribution not in {*only, OURS} else ""


def _names(variable: str) -> set[str] | None:
    """The distributions that an environment variable lists, or None if it is not set."""
    listed = os.environ.get(variable)
    return None if listed is None else {_canonical(name) for name in re.split(r"[,\s]+", listed) if name}


def _look_for_misspelt(installed: set[str]) -> None:
    for variable in (BLOCK, ONLY):
        if lost := (_names(variable) or set()) - installed:
            names, known = ", ".join(sorted(lost)), ", ".join(sorted(installed))
            _warn_once(f"{variable} names {names}, of which no plugin is installed; installed: {known}")


@cache
def _warn_once(message: str) -> None:
    warnings.warn(message, GenzooWarning, stacklevel=2)


def _twice(plugin: Plugin, other: Distribution) -> str:
    return (
        f"version {other.version} is installed too, in {other.locate_file('')}, and hidden by this one; "
        f"pip uninstall {plugin.distribution} until none is left, and install it again"
    )


def _load_plugin(manager: pluggy.PluginManager, plugin: Plugin, load: Callable[[], Any]) -> Plugin:
    if plugin.status == "blocked":
        return plugin
    try:
        module = load()
    except (Exception, SystemExit) as error:  # a stranger's code: what it raises is that plugin's failure alone
        plugin.fail("broken", f"import failed: {cause(error)}; {_remedy(plugin)}")
        return plugin
    plugin.path = str(getattr(module, "__file__", None) or "")
    wanted = getattr(module, "GENZOO_API", None)
    plugin.api = wanted if isinstance(wanted, int) else None
    if plugin.api != hookspecs.API_VERSION:
        plugin.fail("incompatible", _api_reason(plugin))
        return plugin
    try:
        plugin.records = list(_records(manager, plugin, module))
    except (Exception, SystemExit) as error:  # as above
        plugin.fail("broken", f"{cause(error)}; {_remedy(plugin)}")
    return plugin


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
        if not isinstance(record, Record):
            raise PluginError(f"genzoo_records gave a {type(record).__name__}, which is no genzoo record")
        if (key := (record.kind, record.name)) in keys:
            raise PluginError(f"genzoo_records gave {record.kind} {record.name!r} twice")
        keys.add(key)
        yield record


def cause(error: BaseException) -> str:
    """An error on one line, with the last place on its way that is neither genzoo's own nor the import system's."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_NO_PLACES)]
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    if isinstance(error, SyntaxError) and error.filename:
        places.append(f"{error.filename}:{error.lineno}")
    place = f" (at {places[-1]})" if places else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"


def _remedy(plugin: Plugin) -> str:
    return f"try: pip install --upgrade {plugin.distribution}, or pip uninstall {plugin.distribution}"


def _api_reason(plugin: Plugin) -> str:
    ours = hookspecs.API_VERSION
    if plugin.api is None:
        return f"it does not state the plugin API it is written for; its author adds GENZOO_API = {ours}"
    target = "genzoo" if plugin.api > ours else plugin.distribution
    return f"it is written for plugin API {plugin.api}, this genzoo has {ours}; try: pip install --upgrade {target}"
