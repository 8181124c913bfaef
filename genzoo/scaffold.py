"""A plugin to begin with: a distribution that can be built, trained, tested and published at once. Free of torch.

The templates are distributions themselves, with stand-ins for what is different in each. A folder or file whose name
begins with one ``_`` is hidden in what is written.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from genzoo import __version__
from genzoo.discovery import same_distribution
from genzoo.errors import InvalidInput, OutputExists
from genzoo.files import user_path, writable_folder
from genzoo.registry import registry
from genzoo.spec import Architecture, Command, Family, Record

__all__ = ["FAMILIES", "scaffold"]

TEMPLATES = Path(__file__).parent / "templates"
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "ae": ("shared", "autoencoder", "ae"),
    "vae": ("shared", "autoencoder", "vae"),
    "gan": ("shared", "gan"),
    "custom": ("shared", "custom"),
}
"""What a plugin may begin as -> the folders of templates it is made of."""

NAME = re.compile(r"genzoo-([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")
MAX_NAME = 40  # what is made of it must be a name of at most 64


def scaffold(name: str, family: str) -> Path:
    """Write the distribution `name` into a new folder of that name, here; the folder.

    Raises:
        InvalidInput: it is no name of a plugin's distribution, or what would be made of it is taken.
        OutputExists: there is something of that name already.
    """
    short, folder = _checked(name), user_path(name)
    if folder.exists() or folder.is_symlink():
        raise OutputExists(f"{folder} exists, and nothing is overwritten; give another name, or move it away")
    words = _words(name, short, family)
    with tempfile.TemporaryDirectory(dir=writable_folder(Path()), prefix=f".{name}.") as temporary:
        made = Path(temporary) / name
        for source, path in _files(family):
            target = made / _replaced(path, words)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_replaced(source.read_text(encoding="utf-8"), words), encoding="utf-8")
        shutil.move(made, folder)
    return folder


def _checked(name: str) -> str:
    """What a distribution's name is without ``genzoo-``; InvalidInput if it is none for a plugin."""
    if not (match := NAME.fullmatch(name)) or len(name) > MAX_NAME:
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-").removeprefix("genzoo").lstrip("-")
        hint = f"; try: genzoo new genzoo-{near}" if NAME.fullmatch(f"genzoo-{near}") else ""
        raise InvalidInput(f"{name!r:.80} must be genzoo- and words of a-z and 0-9, at most {MAX_NAME} letters{hint}")
    short = match[1]
    kinds: tuple[type[Record], ...] = (Architecture, Family, Command)
    for kind in kinds:
        for _, plugin, record in registry().entries(kind):
            if record.name == short and not same_distribution(plugin.distribution, name):
                raise InvalidInput(f"{short!r} is a name of {plugin.distribution}'s {kind.kind}; give another name")
    return short


def _words(name: str, short: str, family: str) -> dict[str, str]:
    """Stand-in -> what stands there then; longer ones first."""
    needs = [f"genzoo>={'.'.join(__version__.split('.')[:2])}", "torch", *(["click"] if family == "custom" else [])]
    recipe = f"{short}-spiral" if family == "custom" else f"{family}-{short}-moons"
    sees = f"genzoo sample runs/{recipe} -o samples.png" if family != "ae" else f"genzoo evaluate runs/{recipe}"
    return {
        "LOOK": sees,
        "DEPENDENCIES": '", "'.join(needs),
        "RECIPE": recipe,
        "genzoo_yours": name.replace("-", "_"),
        "genzoo-yours": name,
        "yours": short,
    }


def _replaced(text: str, words: Mapping[str, str]) -> str:
    return re.sub("|".join(map(re.escape, words)), lambda match: words[match[0]], text)


def _files(family: str) -> Iterator[tuple[Path, str]]:
    """Each template, and the path of the file it becomes."""
    for layer in FAMILIES[family]:
        for source in sorted((TEMPLATES / layer).rglob("*")):
            if source.is_file() and source.suffix != ".pyc":
                parts = source.relative_to(TEMPLATES / layer).parts
                yield source, "/".join(re.sub(r"^_(?!_)", ".", part) for part in parts)
