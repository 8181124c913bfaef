"""Wheels that are looked into before they are installed: unpacked within bounds, and refused for what would run, or
replace other code, by merely being there."""

from __future__ import annotations

import io
import re
import sys
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from genzoo.discovery import GROUP, OURS, is_distribution_name, same_distribution
from genzoo.errors import InvalidInput, NotFound
from genzoo.registry import registry

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = ["unpack"]

MAX_BYTES = 1 << 30
MAX_FILES = 20_000
MAX_METADATA = 4 << 20
MAX_INDEX = 8 << 20
"""Of the zip's own list of its files, which zipfile reads whole."""
STARTUP = ("sitecustomize", "usercustomize")
"""What Python imports whenever it starts."""
PATH_FILES = (".pth", ".start")
"""What Python runs lines of whenever it starts."""
BUILD_AGAIN = "build it again: pip wheel --no-deps --wheel-dir dist ."


def unpack(path: Path, folder: Path) -> str:
    """Unpack a wheel with a plugin into `folder`; the name of its distribution.

    Raises:
        NotFound: it does not exist.
        InvalidInput: it is no wheel, or none of a plugin; it is too large; or it holds what it should not.
    """
    if not path.exists():
        raise NotFound(f"{path} does not exist; build a wheel: pip wheel --no-deps --wheel-dir dist .")
    if not path.is_file():
        raise InvalidInput(f"{path} is no wheel: it is not a regular file")
    try:
        with _Bounded(path) as file, zipfile.ZipFile(file) as wheel:
            _check_contents(path, wheel.infolist())
            wheel.extractall(folder)
    except InvalidInput:
        raise
    except (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidInput(f"{path} is no wheel: {error}; {BUILD_AGAIN}") from None
    name, modules = _declared(path, folder)
    _check_tops(path, _tops(folder), name)
    if lost := [module for module in modules if not _holds_module(folder, module)]:
        raise InvalidInput(
            f"{path} does not hold {', '.join(lost)}, which its entry point names; with hatchling, say where it is in "
            "[tool.hatch.build.targets.wheel] packages"
        )
    return name


class _Bounded(io.FileIO):
    """A file of which no more than MAX_INDEX is read at once: zipfile reads a list of files as long as it says."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > MAX_INDEX:
            raise ValueError(f"its list of files has {size:,} bytes, more than the {MAX_INDEX:,} allowed")
        return super().read(size)


def _check_contents(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    """InvalidInput unless the entries are few, small and within a folder. zipfile gives no more bytes than they say."""
    if len(entries) > MAX_FILES:
        raise InvalidInput(f"{path} holds {len(entries):,} files, more than the {MAX_FILES:,} allowed")
    if (size := sum(entry.file_size for entry in entries)) > MAX_BYTES:
        raise InvalidInput(f"{path} holds {size:,} bytes, more than the {MAX_BYTES:,} allowed")
    seen = set()
    for entry in entries:
        parts = PurePosixPath(entry.orig_filename).parts
        if {"..", "/"} & {*parts} or re.search(r"[\\:\x00]", entry.orig_filename):
            raise InvalidInput(f"{path} holds {entry.orig_filename!r:.80}, which would lie outside of its folder")
        if parts in seen:
            raise InvalidInput(f"{path} holds {entry.orig_filename!r:.80} twice")
        seen.add(parts)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InvalidInput(f"{path} is compressed in a way that wheels are not; {BUILD_AGAIN}")
        if parts and parts[0].endswith(".dist-info") and entry.file_size > MAX_METADATA:
            raise InvalidInput(f"{path} has {entry.file_size:,} bytes in {entry.orig_filename!r:.80}, too many")


def _declared(path: Path, folder: Path) -> tuple[str, list[str]]:
    """The name of the distribution in a folder, and the modules of its plugins."""
    from importlib.metadata import distributions

    found = list(distributions(path=[str(folder)]))
    try:
        name = found[0].name if len(found) == 1 else ""
        modules = _modules(found[0]) if name else []
    except Exception as error:  # whatever a parser raises for any file
        raise InvalidInput(f"{path} is no wheel: its metadata cannot be read: {error}; {BUILD_AGAIN}") from None
    if not name:
        raise InvalidInput(f"{path} is no wheel: it has no METADATA of one distribution")
    if not is_distribution_name(name) or name.endswith(".whl"):  # which `plugins check` would take for a path
        raise InvalidInput(f"{path} is no wheel: {name!r:.80} in its METADATA is no distribution's name")
    if same_distribution(name, OURS):
        raise InvalidInput(f"{path} calls itself {name}, which is genzoo's own name; give it another")
    if not modules:
        raise InvalidInput(
            f'{path} holds no plugin of genzoo: it has no entry point in [project.entry-points."genzoo.plugins"]'
        )
    if bad := [module for module in modules if not all(part.isidentifier() for part in module.split("."))]:
        raise InvalidInput(f"{path} names {bad[0]!r:.80} as a plugin, which is no module")
    return name, modules


def _modules(distribution: Distribution) -> list[str]:
    return [point.value.partition(":")[0].strip() for point in distribution.entry_points.select(group=GROUP)]


def _tops(folder: Path) -> list[str]:
    """What would lie in site-packages if the wheel was installed."""
    folders = [folder, *folder.glob("*.data/purelib"), *folder.glob("*.data/platlib")]
    return sorted({entry.name for each in folders for entry in each.iterdir()})


def _check_tops(path: Path, tops: Iterable[str], distribution: str) -> None:
    """InvalidInput if a top-level name of a wheel would run at every start of Python, or hide code of others."""
    for top in tops:
        module = top.partition(".")[0]
        if top.endswith(PATH_FILES) or module in STARTUP:
            raise InvalidInput(f"{path} holds {top!r:.80}, which runs whenever Python starts; a plugin may not do that")
        owner = _owner(module)
        if owner and not same_distribution(owner, distribution):
            raise InvalidInput(f"{path} holds {top!r:.80}, which is a module of {owner}; rename the plugin's")


def _owner(module: str) -> str:
    """The distribution that a top-level module is of here; "" if there is none, or several share it."""
    from importlib.metadata import packages_distributions

    if module in sys.stdlib_module_names:
        return "Python"
    if module in {Path(plugin.path).parent.name for plugin in registry().plugins if plugin.distribution == OURS}:
        return OURS
    with suppress(Exception):  # of whatever metadata, or module, lies about
        if find_spec(module):
            owners = set(packages_distributions().get(module, ()))
            return owners.pop() if len(owners) == 1 else ""
    return ""


def _holds_module(folder: Path, module: str) -> bool:
    """Whether a module lies in `folder`: one of an installed version would hide that it does not."""
    path = folder.joinpath(*module.split("."))
    return (path / "__init__.py").is_file() or any(path.parent.glob(f"{path.name}.*"))
