"""Warm load of each bundled checkpoint, sha256 and all checks included, against load_file + load_state_dict into a
freshly built module. Goal: within 1.5."""

from __future__ import annotations

import safetensors.torch
from measure import compare, seconds, show

import genzoo
from genzoo.api.build import Blueprint


def plain(name: str) -> float:
    record = genzoo.show(name)
    blueprint = Blueprint.of(record.spec, name, prefer="genzoo")

    def load() -> None:
        model = blueprint.build("cpu")
        model.load_state_dict(safetensors.torch.load_file(record.weights))
        model.eval()

    return seconds(load)


if __name__ == "__main__":
    for name in genzoo.list_models():
        candidates = {
            "load_file + load_state_dict": lambda name=name: plain(name),
            "genzoo.load": lambda name=name: seconds(lambda: genzoo.load(name, device="cpu")),
        }
        show(f"Load {name} ({genzoo.show(name).size_bytes / 1e6:.1f} MB)", compare(candidates, rounds=25), "s")
