"""Paired timing: candidates in turn, A B A B …, and the ratio within each round. Machines drift; ratios hold."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

__all__ = ["Row", "compare", "machine", "seconds", "show"]

Row = tuple[str, float, list[float]]


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def compare(candidates: Mapping[str, Callable[[], float]], *, rounds: int, references: int = 1) -> list[Row]:
    """(name, median value, median ratio to each of the first `references` candidates) of each; a candidate returns its
    own value."""
    for candidate in candidates.values():
        candidate()
    values = [{name: candidate() for name, candidate in candidates.items()} for _ in range(rounds)]
    firsts = list(candidates)[:references]
    return [
        (
            name,
            statistics.median(one[name] for one in values),
            [statistics.median(one[name] / one[first] for one in values) for first in firsts],
        )
        for name in candidates
    ]


def show(title: str, rows: list[Row], unit: str) -> None:
    """Print the rows as a table in Markdown."""
    heads = ["ratio"] if len(rows[0][2]) == 1 else [f"to {name}" for name, _, _ in rows[: len(rows[0][2])]]
    print(f"\n{title}\n\n| | {unit} | {' | '.join(heads)} |\n| --- | --- |{' --- |' * len(heads)}")
    for name, value, ratios in rows:
        print(f"| {name} | {value:.4g} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |")


def machine() -> str:
    """What the figures are of: versions, processor, cores."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("genzoo", "torch", "torchvision"))
    return f"{packages}, Python {platform.python_version()}; {os.cpu_count()} cores of {_processor()}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return found[1] if found else platform.processor()
