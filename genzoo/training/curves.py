"""The log of a run as a picture. matplotlib is imported when it is drawn."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

__all__ = ["curves"]

COLUMNS = 3
WIDTH, HEIGHT = 4.0, 2.6  # of a panel, in inches


def curves(entries: Sequence[Mapping[str, Any]]) -> bytes:
    """A PNG with a panel for each term over the epochs, from the lines of a log; each has its own scale."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    terms = list(dict.fromkeys(key for entry in entries for key in entry if key not in ("epoch", "step", "seconds")))
    columns = min(COLUMNS, len(terms))
    rows = ceil(len(terms) / columns)
    figure = Figure(
        figsize=(WIDTH * columns, HEIGHT * rows), layout="constrained"
    )  # without pyplot: no state, no window
    for index, term in enumerate(terms):
        axes = figure.add_subplot(rows, columns, index + 1)
        points = [(entry["epoch"], entry[term]) for entry in entries if term in entry]  # a player may not move in one
        axes.plot(*zip(*points, strict=True), marker="." if len(points) < 30 else "")
        axes.set_title(term.replace("_", " "))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if index >= len(terms) - columns:
            axes.set_xlabel("epoch")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
