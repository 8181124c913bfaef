"""Paired timing: candidates in turn, A B A B …, and the ratio within each round. Machines drift; ratios hold."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

__all__ = ["Row", "compare", "seconds", "show"]

Row = tuple[str, float, float]


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def compare(candidates: Mapping[str, Callable[[], float]], *, rounds: int) -> list[Row]:
    """(name, median value, median ratio to the first candidate) of each; a candidate returns its own value."""
    for candidate in candidates.values():
        candidate()
    values = [{name: candidate() for name, candidate in candidates.items()} for _ in range(rounds)]
    first = next(iter(candidates))
    return [
        (
            name,
            statistics.median(one[name] for one in values),
            statistics.median(one[name] / one[first] for one in values),
        )
        for name in candidates
    ]


def show(title: str, rows: list[Row], unit: str) -> None:
    print(f"\n{title}\n| | {unit} | ratio |\n| --- | --- | --- |")
    for name, value, ratio in rows:
        print(f"| {name} | {value:.4g} | {ratio:.2f} |")
