"""Third-party plugins in an environment of their own: laid out as pip lays them out, and trained for a few steps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

import genzoo
from genzoo.errors import GenzooWarning
from genzoo.registry import registry
from genzoo.spec import Objective
from genzoo.testing.inputs import call, same
from genzoo.testing.learning import LEARNING_LAWS

PLUGINS = Path(__file__).parent / "plugins"


@dataclass(frozen=True, kw_only=True)
class House:
    """An environment with plugins in it."""

    folder: Path

    def install(self, *modules: str) -> None:
        """Lay out a distribution for each of these files of plugins/."""
        for module in modules:
            info = self.folder / f"{module}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[genzoo.plugins]\n{module} = {module}\n")
        registry.cache_clear()
        assert not registry().failed, [plugin.reason for plugin in registry().failed]

    def trained(self, model: str, *, data: str, objective: str, **options: Any) -> Any:
        """A model trained by a recipe of its own, saved and loaded: ``family-architecture``, what it learns from and
        by which objective; and the recipe's other keys, ``given=["label"]``, ``training={"epochs": 3}``."""
        path = self.folder / "recipe.toml"
        path.write_text(_recipe(model, data, objective, options))
        run = self.folder / "run"
        warnings.filterwarnings("ignore", "no sample is compared", GenzooWarning)  # Inception is not installed
        trained = genzoo.train(path, output=run, device="cpu", progress=False, force=True)
        loaded = genzoo.load(run, device="cpu")
        for verb in loaded.verbs:
            assert same(call(loaded, verb), call(trained, verb)), verb
        return loaded

    def hold(self, model: genzoo.Model, objective: str) -> None:
        """Hold a model to the laws of models, and of learning by an objective."""
        genzoo.testing.check(model)
        record = registry().find(Objective, objective)
        for law in LEARNING_LAWS:
            if law.__name__ not in record.exceptions:
                law(model, record)


def _recipe(model: str, data: str, objective: str, options: Mapping[str, Any]) -> str:
    family, _, architecture = model.partition("-")
    sections: dict[str, dict[str, Any]] = {
        "": {"name": f"{model}-{data}", "license": "CC0-1.0"},
        "model": {"family": family, "architecture": architecture},
        "objective": {"name": objective},
        "data": {"name": data},
        "optimizer": {"learning_rate": 5e-3},
        "training": {"epochs": 1, "batch_size": 16},
        "evaluation": {},
    }
    for key, value in options.items():
        if key in sections:
            sections[key] |= value
        else:
            sections["model"][key] = value
    lines = []
    for section, table in sections.items():
        lines += [f"[{section}]"] if section else []
        lines += [f"{key} = {_toml(value)}" for key, value in table.items()]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(entry)}' for key, entry in value.items())} }}"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(list(value) if isinstance(value, tuple) else value)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with a_house(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all tests of a module, which change nothing in it."""
    with a_house(tmp_path_factory.mktemp("house")) as found:
        yield found


@contextmanager
def a_house(folder: Path) -> Iterator[House]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.syspath_prepend(PLUGINS)
        registry.cache_clear()
        torch.manual_seed(0)
        yield House(folder=folder)
    registry.cache_clear()
