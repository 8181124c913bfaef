"""Start of the command line, as whole processes. Goal: `genzoo list` within 2 of the imports it cannot do without."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from measure import compare, seconds, show


def process(*arguments: str) -> float:
    return seconds(lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True))


COMMANDS = {
    "import pluggy, click, importlib.metadata": ("-c", "import pluggy, click, importlib.metadata"),
    "import genzoo": ("-c", "import genzoo"),
    "genzoo list": ("-m", "genzoo", "list"),
    "genzoo list --json": ("-m", "genzoo", "list", "--json"),
    "genzoo --help": ("-m", "genzoo", "--help"),
    "genzoo plugins": ("-m", "genzoo", "plugins"),
    "import torch": ("-c", "import torch"),
}

if __name__ == "__main__":
    candidates = {name: partial(process, *arguments) for name, arguments in COMMANDS.items()}
    show("Start", compare(candidates, rounds=11), "s")
