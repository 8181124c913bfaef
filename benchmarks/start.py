"""Start of the command line, as whole processes. Goals: `genzoo list` within 2 of the imports it cannot do
without, and with 200 plugins within 2 of itself."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from measure import compare, seconds, show

CROWD = 200
PLUGIN = """from genzoo import Architecture, hookimpl
GENZOO_API = 2
@hookimpl
def genzoo_records():
    return [Architecture(name=__name__.replace("_", "-"), roles={"encoder": "nowhere:X"}, summary="")]
"""


def process(*arguments: str, beside: str = "") -> float:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [beside, os.environ.get("PYTHONPATH")]))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # pip leaves bytecode beside what it installs
    command = [sys.executable, *arguments]
    return seconds(lambda: subprocess.run(command, check=True, capture_output=True, env=environment))


def crowd(folder: str) -> None:
    """Lay out CROWD installed plugins in a folder."""
    for number in range(CROWD):
        name = f"genzoo_crowd{number}"
        (Path(folder) / f"{name}.py").write_text(PLUGIN)
        info = Path(folder) / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[genzoo.plugins]\n{name} = {name}\n")


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
    with tempfile.TemporaryDirectory() as folder:
        crowd(folder)
        candidates[f"genzoo list, {CROWD} plugins more"] = partial(process, "-m", "genzoo", "list", beside=folder)
        show("Start", compare(candidates, rounds=11), "s")
