"""Pages that are made when the docs are built: the public names, and a page for each model from its record.

What a record says is text of others: on a page it is words, never markup. What a page shows comes from where the page
does: one that would load anything from elsewhere stops the build.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import isroutine
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

import genzoo
from genzoo.pictures import is_picture
from genzoo.registry import load_target, registry
from genzoo.spec import Checkpoint, Family, Number, RecipeFile
from genzoo.text import code, fenced, markdown

PICTURES = Path(__file__).parent / "pictures"
LOADED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^\s"'>]+)""")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages that are made into the navigation."""
    names = genzoo.list_models()
    pages = ["models/index.md", *({name: f"models/{name}.md"} for name in names)]
    config.nav = [*(config.nav or []), {"API": "api.md"}, {"Models": pages}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Make them."""
    pages = {"api.md": _api(), "models/index.md": _index()}
    pages |= {f"models/{name}.md": _page(genzoo.show(name)) for name in genzoo.list_models()}
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_post_page(output: str, **_: Any) -> str:
    """Refuse a page that loads something from elsewhere."""
    if found := LOADED.search(output):
        raise PluginError(f"a page loads {found[1]}; let it be a file in docs, or do without")
    return output


def _api() -> str:
    """Every public name, where it is defined."""
    values = {name: getattr(genzoo, name) for name in genzoo.__all__ if name not in ("hookimpl", "testing")}
    coded = [name for name, value in values.items() if isinstance(value, type) or isroutine(value)]
    blocks = [f"::: {values[name].__module__}.{name}" for name in coded]
    blocks += [
        "::: genzoo.spec.records.LATENT_DIM",
        "::: genzoo.spec.spaces.Spaces",
        "::: genzoo.spec.numbers.Number",
        "::: genzoo.spec.numbers.Numbers",
        "::: genzoo.hookspecs.genzoo_records",
        "::: genzoo.testing.suite.plugin_suite",
        "::: genzoo.testing.laws.check",
    ]
    return "# API\n\nWhat `genzoo` gives by name, and all that a plugin needs.\n\n" + "\n\n".join(blocks) + "\n"


def _index() -> str:
    rows = [(f"[{name}]({name}.md)", *_facts(genzoo.show(name)).values()) for name in genzoo.list_models()]
    heads = ("model", *_facts(genzoo.show(genzoo.list_models()[0])))
    return "# Models\n\nThe checkpoints that come with genzoo.\n\n" + _table(heads, rows)


def _page(record: Checkpoint) -> str:
    numbers = [
        (
            code(metric),
            f"{number.value:.5g}",
            _floor(number),
            markdown(number.unit),
            markdown(_words(dict(number.protocol))),
        )
        for metric, number in record.metrics.items()
    ]
    facts = {**_facts(record), "size": f"{record.size_bytes:,} bytes", "sha256": f"`{record.sha256}`"}
    parts = [f"# {record.name}", *_pictures(record.name), _table(("", ""), list(facts.items())), _usage(record)]
    if numbers:
        table = _table(("metric", "value", "floor", "unit", "protocol"), numbers)
        parts.append(f"## Numbers\n\n`genzoo verify {record.name}` computes them again.\n\n{table}")
    recipe = registry().find(RecipeFile, record.name).path.read_text(encoding="utf-8")
    parts.append(f"## Recipe\n\n`genzoo train {record.name}` trains it again.\n\n{fenced(recipe, 'toml')}\n")
    return "\n\n".join(parts)


def _facts(record: Checkpoint) -> dict[str, str]:
    facts = {
        "family": record.family,
        "architecture": record.architecture,
        "data set": record.dataset,
        "shape": " × ".join(map(str, record.input_shape)),
        "latents": record.latent_dim,
        "parameters": f"{record.parameters:,}",
        "licence": record.license,
        "trained in": f"{record.trained['seconds'] / 60:,.0f} minutes ({record.trained['device']})",
    }
    return {key: markdown(fact) for key, fact in facts.items()}


def _usage(record: Checkpoint) -> str:
    family = load_target(registry().find(Family, record.family).target, record.family)
    lines = ["import genzoo", "", f'model = genzoo.load("{record.name}")']
    if hasattr(family, "sample") and is_picture(record.input_shape):
        lines.append(f'genzoo.grid(model.sample(16, seed=0)).save("{record.name}.png")')
    return "\n".join(["```python", *lines, "```"])


def _pictures(name: str) -> Iterator[str]:
    for path in sorted(PICTURES.glob(f"{name}-*.png")):
        what = path.stem.removeprefix(f"{name}-")
        if what in ("samples", "reconstructions", "traverse", "map", "interpolate"):
            yield f"![{what} of {name}](../pictures/{path.name})"


def _floor(number: Number) -> str:
    return "" if number.floor is None else f"{number.floor:.5g}"


def _words(protocol: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in protocol.items())


def _table(heads: tuple[str, ...], rows: list[Any]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
