"""The page's engine in Node: milliseconds of one core for each picture of each shipped decoder, in half precision.
Goal: 5 for a decoder of 0.5 M parameters.

The time is the processor's, which other work on the machine does not lengthen.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from measure import machine

import genzoo
from genzoo.explore.export import export_decoder

SCRIPT = Path(__file__).with_name("engine.mjs")


def main() -> None:
    print(f"{machine()}; node {subprocess.check_output(['node', '--version'], text=True)}")
    print("| | parameters | MB | ms to read | ms for the first | ms |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name in genzoo.list_models():
            model = genzoo.load(name, device="cpu")
            if "decode" in model.verbs:
                show(model, Path(folder) / f"{name}.safetensors")


def show(model: genzoo.Model, path: Path) -> None:
    """Print the row of a model."""
    path.write_bytes(export_decoder(model).data)
    found = json.loads(subprocess.check_output(["node", str(SCRIPT), str(path)]))
    times = " | ".join(f"{found[key]:.2f}" for key in ("read", "first", "median"))
    network = model.generator if model.spec.family == "gan" else model.decoder
    parameters = sum(parameter.numel() for parameter in network.parameters())
    print(f"| {model.name} | {parameters:,} | {path.stat().st_size / 1e6:.2f} | {times} |")


if __name__ == "__main__":
    main()
