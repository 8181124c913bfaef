"""Golden outputs: what a checkpoint's verbs gave when it was shipped, in a small file beside its record.

``golden.json`` holds for each verb the mean and 16 values of what it makes of inputs that are the same everywhere (see
genzoo.testing.inputs), so that a change of torch, of the architecture or of the weights is seen without any data.
"""

from __future__ import annotations

import copy
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from genzoo.api.build import load
from genzoo.api.evaluate import quick_numbers
from genzoo.catalog import show
from genzoo.errors import GenzooError, GenzooWarning, MalformedWeights, NotFound
from genzoo.files import atomic_write, json_text, read_regular, rounded
from genzoo.spec import RECORD_FILE
from genzoo.testing.inputs import call, parts

__all__ = ["golden_outputs_are_reproduced", "write_golden"]

FILE = "golden.json"
MAX_BYTES = 1 << 16
VALUES = 16
ROUNDING = 1e-4


def write_golden(name: str | Path) -> Path:
    """Compute the golden outputs of a checkpoint and write them beside its record; the file's path.

    The quick values in its record, for ``genzoo verify --quick``, are computed too; without the data they are left as
    they are, with a GenzooWarning.

    Raises:
        NotFound: there is no such checkpoint.
    """
    model, record = load(name, device="cpu"), show(name)
    atomic_write(record.folder / FILE, json_text(_outputs(model)).encode())
    try:
        quick = quick_numbers(name)
    except GenzooError as error:  # of the data, or of the network that pictures are compared by
        warnings.warn(f"no quick values of {name} are recorded: {error.message}", GenzooWarning, stacklevel=2)
    else:
        atomic_write(record.folder / RECORD_FILE, replace(record, quick=quick).to_json().encode())
    return record.folder / FILE


def golden_outputs_are_reproduced(model: Any, folder: Path) -> None:
    """A shipped checkpoint's verbs give on the CPU what ``golden.json`` says, up to rounding; `folder` is its record's,
    wherever its weights come from."""
    path = folder / FILE
    try:
        recorded = _read(path)
    except NotFound:
        raise AssertionError(f"{path} is missing; write it: genzoo plugins golden {model.name}") from None
    found = _outputs(copy.deepcopy(model).cpu())
    assert found.keys() == recorded.keys(), f"{path} has {', '.join(recorded)}, the model {', '.join(found)}"
    for verb, entry in found.items():
        for key, values in entry.items():
            _assert_near(values, recorded[verb].get(key, []), f"{model.name}.{verb}: {key} of {FILE}")


def _outputs(model: Any) -> dict[str, dict[str, list[float]]]:
    """Of the verbs that are no `decode` of an `encode` under another name, as one that edits is."""
    return {name: _summary(call(model, name)) for name, verb in model.verbs.items() if not verb.edits}


def _summary(value: Any) -> dict[str, list[float]]:
    flat = torch.cat([part.double().flatten() for part in parts(value)])
    places = torch.linspace(0, len(flat) - 1, min(VALUES, len(flat))).long()
    return {"mean": rounded([flat.mean().item()]), "values": rounded(flat[places].tolist())}


def _read(path: Path) -> dict[str, dict[str, list[float]]]:
    try:
        verbs = json.loads(read_regular(path, limit=MAX_BYTES))
        return {verb: {key: list(map(float, entry[key])) for key in entry} for verb, entry in verbs.items()}
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise MalformedWeights(f"{path} holds no golden outputs: {error}") from None


def _assert_near(found: list[float], recorded: list[float], what: str) -> None:
    assert len(found) == len(recorded), f"{what} has {len(recorded)} numbers, not {len(found)}"
    for index, (now, wanted) in enumerate(zip(found, recorded, strict=True)):
        assert abs(now - wanted) <= ROUNDING * max(1.0, abs(wanted)), f"{what}: [{index}] is {now:g}, not {wanted:g}"
