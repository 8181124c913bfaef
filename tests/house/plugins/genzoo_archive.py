"""A format for ``genzoo export``: a zip archive of an MLP's matrices, which NumPy alone runs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from genzoo import ExporterSpec, InvalidInput, Record, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from genzoo import Trace

GENZOO_API = 2


def write_npz(traced: Trace, metadata: str) -> tuple[bytes, Callable[[Mapping[str, Tensor]], Tensor]]:
    """The layers of a verb that is linear maps with ReLU between them and a sigmoid behind."""
    import numpy as np
    import torch

    known = {"linear.default", "relu.default", "sigmoid.default", "unflatten.int"}
    used = {node.target.__name__ for node in traced.program.graph.nodes if node.op == "call_function"}
    if used - known:
        raise InvalidInput(f"a .npz holds linear maps with ReLU between them; {traced.name} uses {min(used - known)}")
    weights = [tensor.detach().numpy() for tensor in traced.program.state_dict.values()]
    arrays: dict[str, Any] = {f"layer{i}": weight for i, weight in enumerate(weights)}
    buffer = io.BytesIO()
    np.savez(buffer, genzoo=np.array(metadata), **arrays)

    def run(inputs: Mapping[str, Tensor]) -> Tensor:
        x = inputs[traced.inputs[0].name].numpy()
        with np.load(io.BytesIO(buffer.getvalue())) as file:
            layers = [file[f"layer{i}"] for i in range(len(arrays))]
        for i in range(0, len(layers), 2):
            x = x @ layers[i].T + layers[i + 1]
            x = np.maximum(x, 0) if i + 2 < len(layers) else 1 / (1 + np.exp(-x))
        return torch.from_numpy(x).view(-1, *traced.gives.shape)

    return buffer.getvalue(), run


@hookimpl
def genzoo_records() -> Iterable[Record]:
    yield ExporterSpec(
        name="npz",
        target="genzoo_archive:write_npz",
        summary="matrices for NumPy",
        suffix=".npz",
        usage="import numpy\n\nlayers = numpy.load({path})  # {inputs}; {gives}: {output}\n",
    )
