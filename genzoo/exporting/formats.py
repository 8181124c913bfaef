"""The files a traced verb is written to, by exporters: ours of ONNX and of the .pt2 of torch.export."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import prod
from typing import Any

import torch
from torch import Tensor

from genzoo import __version__
from genzoo.catalog import export_suffixes
from genzoo.errors import InvalidInput, MissingDependency, VerificationFailed
from genzoo.exporting.trace import BATCH, Port, Trace, trace
from genzoo.models import Model
from genzoo.randomness import stream
from genzoo.registry import load_target, registry
from genzoo.spec import ExporterSpec

__all__ = ["Exported", "exporter", "write_onnx", "write_pt2"]

ROWS = 3  # of the comparison; not as many as were traced
TOLERANCE = 1e-4  # float32 through some twenty layers, as in the laws
MAX_ONNX_BYTES = (1 << 31) - (1 << 24)  # protobuf's limit of 2 GiB, less room for the graph

Run = Callable[[Mapping[str, Tensor]], Tensor]
"""Of the inputs by name."""


def exporter(suffix: str) -> ExporterSpec:
    """The exporter of the files that end in `suffix`.

    Raises:
        InvalidInput: there is none, or there are several.
    """
    found = {shown: record for shown, _, record in registry().entries(ExporterSpec) if record.suffix == suffix}
    if not found:
        known = " or ".join(export_suffixes())
        raise InvalidInput(f"there is no format {suffix!r:.40}: give a name that ends in {known}")
    if len(found) > 1:
        raise InvalidInput(f"{suffix} files are written by {' and '.join(found)}; uninstall or block all but one")
    return next(iter(found.values()))


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A verb as a file.

    Attributes:
        data: the bytes of the file.
        usage: Python that loads and calls it, ``{path}`` standing for the path of the file.
    """

    data: bytes
    usage: str

    @classmethod
    def of(cls, model: Model, suffix: str, verb: str = "") -> Exported:
        """A verb of a model as a file, after a comparison of its values with the model's.

        Args:
            model: on the CPU.
            suffix: of the format.
            verb: as in `trace`.

        Raises:
            MissingDependency: a package that writes the format is not installed.
            UnsupportedVerb: the model has no such verb, or it gives several tensors, or random ones.
            InvalidInput: there is no such format, or the verb cannot be traced, or not be written in it.
            VerificationFailed: the file's values are not the model's.
        """
        form = exporter(suffix)
        check_packages(form)
        traced = trace(model, verb)
        what = f"{model.name}.{traced.name} as {suffix}"
        try:
            data, run = load_target(form.target, f"exporter {form.name}")(traced, _metadata(model, traced))
            inputs = {port.name: _example(port) for port in traced.inputs}
            found = run(inputs)
        except InvalidInput:
            raise
        except Exception as error:  # torch's exporter and onnxruntime raise of many types
            raise InvalidInput(f"{what} cannot be written: {_cause(error)}") from error
        x, *given = traced.arguments(inputs)
        _compare(found, getattr(model, traced.name)(x, **dict(*given)), what)
        return cls(data=data, usage=_usage(form, traced))


def check_packages(form: ExporterSpec) -> None:
    """MissingDependency if a package that writes the format is not installed."""
    missing = [package for package in form.packages if find_spec(package) is None]
    if not missing:
        return
    way = f"pip install {shlex.quote(form.install or ' '.join(form.packages))}"
    others = [record.suffix for _, _, record in registry().entries(ExporterSpec) if not record.packages]
    instead = f", or write {' or '.join(others)}, which needs torch alone" if others else ""
    raise MissingDependency(f"{form.suffix} files need {', '.join(missing)}; try: {way}{instead}", suggestions=[way])


def _cause(error: BaseException) -> str:
    """The first line of the error that began it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _metadata(model: Model, traced: Trace) -> str:
    """JSON on where a file comes from and what it takes and gives."""
    record = model.checkpoint
    told = {
        "name": model.name,
        "verb": traced.name,
        "family": model.spec.family,
        "architecture": model.spec.architecture,
        "dataset": record.dataset if record else "",
        "license": record.license if record else "",
        "sha256": model.sha256,
        "latent_dim": model.latent_dim if model.has("latent_dim") else None,
        "input": list(map(_port, traced.takes)) if isinstance(traced.takes, tuple) else _port(traced.takes),
        "given": [_port(port) for port in traced.given],
        "output": _port(traced.gives),
        "genzoo": __version__,
    }
    return json.dumps(told)


def _port(port: Port) -> dict[str, Any]:
    return {
        "name": port.name,
        "shape": [BATCH, *port.shape],
        "dtype": port.dtype_name,
        "range": {"unit": [0, 1], "index": [0, port.size - 1]}.get(port.values),
    }


def _example(port: Port) -> Tensor:
    """Rows to compare on: uniform in [0, 1], or standard normal; of an index different values."""
    if port.values == "index":
        count = torch.arange(ROWS * prod(port.shape), dtype=port.dtype, device="cpu")
        return count.view(ROWS, *port.shape) % port.size
    draw = torch.rand if port.values == "unit" else torch.randn
    return draw(ROWS, *port.shape, generator=stream("export")).to(port.dtype)


def _compare(found: Tensor, wanted: Tensor, what: str) -> None:
    tolerance = max(TOLERANCE, 4 * torch.finfo(wanted.dtype).eps) * max(1.0, wanted.abs().max().item())
    distance = (found - wanted).abs().max().item()
    if not distance <= tolerance:  # NaN is not
        raise VerificationFailed(f"{what} gives other values than the model: they are up to {distance:.3g} away")


def write_onnx(traced: Trace, metadata: str) -> tuple[bytes, Run]:
    import onnxruntime

    if (size := sum(tensor.nbytes for tensor in traced.program.state_dict.values())) > MAX_ONNX_BYTES:
        raise InvalidInput(f"{size:,} bytes of weights are more than the 2 GiB an ONNX file may hold; write a .pt2")
    takes, gives = [port.name for port in traced.inputs], traced.gives.name
    first, *_ = traced.inputs
    shapes = traced.arguments({port.name: {0: BATCH} if port is first else None for port in traced.inputs})
    program = torch.onnx.export(
        traced.program, input_names=takes, output_names=[gives], dynamic_shapes=shapes, verbose=False
    )
    assert program is not None
    program.model.metadata_props["genzoo"] = metadata
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()  # where in torch's graph it comes from, as long as the graph itself
    data = program.model_proto.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return data, lambda inputs: torch.from_numpy(
        session.run([gives], {name: x.numpy() for name, x in inputs.items()})[0]
    )


def write_pt2(traced: Trace, metadata: str) -> tuple[bytes, Run]:
    buffer = io.BytesIO()
    torch.export.save(traced.program, buffer, extra_files={"genzoo.json": metadata})
    graph = traced.program.module()  # not read back: torch reads a .pt2 by pickle

    def run(inputs: Mapping[str, Tensor]) -> Tensor:
        x: Tensor = graph(*traced.arguments(inputs))
        return x

    return buffer.getvalue(), run


def _usage(form: ExporterSpec, traced: Trace) -> str:
    ports, gives = traced.inputs, traced.gives
    takes = traced.takes
    x = f"({', '.join(port.name for port in takes)})" if isinstance(takes, tuple) else takes.name
    return form.usage.format(
        path="{path}",
        verb=traced.name,
        named=_by_name(ports),
        called=f"{x}, {_by_name(traced.given)}" if traced.given else x,
        inputs="; ".join(f"{port.name}: {port}" for port in ports),
        gives=gives.name,
        output=gives,
    )


def _by_name(ports: Sequence[Port]) -> str:
    """A dict of inputs, in Python."""
    inner = ", ".join(f'"{port.name}": {port.name}' for port in ports)
    return f"{{{inner}}}"
