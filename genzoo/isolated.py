"""A Python of one's own: it looks for modules where this one does, and heeds nothing else that could add code to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

__all__ = ["python"]

_SAME_PATH = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1))\n"


def python(code: str, *arguments: str, first: Sequence[str] = ()) -> list[str]:
    """The command that runs `code` with `arguments`, and with the folders `first` before all others on its path. No
    variable of the environment that Python reads, no folder of the user's and not the present one count."""
    path = [*first, *filter(None, sys.path)]
    return [sys.executable, "-I", "-c", _SAME_PATH + code, json.dumps(path), *arguments]
