"""The files a traced verb is written to, ONNX and the .pt2 of torch.export, each with its metadata."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from genzoo import __version__
from genzoo.errors import InvalidInput, MissingDependency, VerificationFailed
from genzoo.exporting.trace import BATCH, Port, Trace, trace
from genzoo.models import Model
from genzoo.randomness import stream

__all__ = ["FORMATS", "Exported", "Format"]

ROWS = 3  # of the comparison; not as many as were traced
TOLERANCE = 1e-4  # float32 through some twenty layers, as in the laws
MAX_ONNX_BYTES = (1 << 31) - (1 << 24)  # protobuf's limit of 2 GiB, less room for the graph
INSTALL = "pip install 'genzoo[onnx]'"

Run = Callable[[Mapping[str, Tensor]], Tensor]
"""Of the inputs by name."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of files.

    Attributes:
        write: makes of a traced verb and the JSON of its metadata the bytes of a file, and the function in them.
        usage: Python that loads and calls it.
        packages: what must be installed to write it, beside torch.
    """

    write: Callable[[Trace, str], tuple[bytes, Run]]
    usage: str
    packages: tuple[str, ...] = ()


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
            suffix: a key of `FORMATS`.
            verb: as in `trace`.

        Raises:
            MissingDependency: a package that writes the format is not installed.
            UnsupportedVerb: the model has no such verb, or it is not a function of one tensor.
            InvalidInput: the verb cannot be traced, or not be written in this format.
            VerificationFailed: the file's values are not the model's.
        """
        form = FORMATS[suffix]
        if missing := [package for package in form.packages if find_spec(package) is None]:
            raise MissingDependency(
                f"{suffix} files need {', '.join(missing)}; try: {INSTALL}, or write .pt2, which needs torch alone",
                suggestions=[INSTALL],
            )
        traced = trace(model, verb)
        what = f"{model.name}.{traced.name} as {suffix}"
        try:
            data, run = form.write(traced, _metadata(model, traced))
            inputs = {port.name: _example(port) for port in (traced.takes, *traced.given)}
            found = run(inputs)
        except InvalidInput:
            raise
        except Exception as error:  # torch's exporter and onnxruntime raise of many types
            raise InvalidInput(f"{what} cannot be written: {_cause(error)}") from error
        x = inputs.pop(traced.takes.name)
        _compare(found, getattr(model, traced.name)(x, **inputs), what)
        return cls(data=data, usage=_usage(form, traced))


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
        "input": _port(traced.takes),
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
        "range": [0, 1] if port.values == "unit" else None,
    }


def _example(port: Port) -> Tensor:
    """Rows to compare on: uniform in [0, 1], or standard normal; the first value of an index."""
    if port.values == "index":
        return torch.zeros(ROWS, *port.shape, dtype=port.dtype, device="cpu")
    draw = torch.rand if port.values == "unit" else torch.randn
    return draw(ROWS, *port.shape, generator=stream("export")).to(port.dtype)


def _compare(found: Tensor, wanted: Tensor, what: str) -> None:
    tolerance = max(TOLERANCE, 4 * torch.finfo(wanted.dtype).eps) * max(1.0, wanted.abs().max().item())
    distance = (found - wanted).abs().max().item()
    if not distance <= tolerance:  # NaN is not
        raise VerificationFailed(f"{what} gives other values than the model: they are up to {distance:.3g} away")


def _write_onnx(traced: Trace, metadata: str) -> tuple[bytes, Run]:
    import onnxruntime

    if (size := sum(tensor.nbytes for tensor in traced.program.state_dict.values())) > MAX_ONNX_BYTES:
        raise InvalidInput(f"{size:,} bytes of weights are more than the 2 GiB an ONNX file may hold; write a .pt2")
    takes, gives = [port.name for port in (traced.takes, *traced.given)], traced.gives.name
    rows, names = {0: BATCH}, [port.name for port in traced.given]
    shapes: tuple[Any, ...] = (rows, dict.fromkeys(names)) if names else (rows,)  # other inputs have as many rows
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


def _write_pt2(traced: Trace, metadata: str) -> tuple[bytes, Run]:
    buffer = io.BytesIO()
    torch.export.save(traced.program, buffer, extra_files={"genzoo.json": metadata})
    graph = traced.program.module()  # not read back: torch reads a .pt2 by pickle

    def run(inputs: Mapping[str, Tensor]) -> Tensor:
        given = {port.name: inputs[port.name] for port in traced.given}
        x: Tensor = graph(inputs[traced.takes.name], given) if given else graph(inputs[traced.takes.name])
        return x

    return buffer.getvalue(), run


FORMATS = {
    ".onnx": Format(
        write=_write_onnx,
        packages=("onnx", "onnxruntime", "onnxscript"),
        usage="""\
import onnxruntime

session = onnxruntime.InferenceSession({path})
({gives},) = session.run(None, {{{named}}})  # {inputs}; {gives}: {output}
session.get_modelmeta().custom_metadata_map["genzoo"]  # JSON: name, licence, shapes, …
""",
    ),
    ".pt2": Format(
        write=_write_pt2,
        usage="""\
import torch

told = {{"genzoo.json": ""}}  # JSON: name, licence, shapes, …
{verb} = torch.export.load({path}, extra_files=told).module()
{gives} = {verb}({called})  # {inputs}; {gives}: {output}
""",
    ),
}
"""The suffix of each format."""


def _usage(form: Format, traced: Trace) -> str:
    ports, gives = (traced.takes, *traced.given), traced.gives
    given = ", ".join(f'"{port.name}": {port.name}' for port in traced.given)
    return form.usage.format(
        path="{path}",
        verb=traced.name,
        named=", ".join(f'"{port.name}": {port.name}' for port in ports),
        called=f"{traced.takes.name}, {{{given}}}" if given else traced.takes.name,
        inputs="; ".join(f"{port.name}: {port}" for port in ports),
        gives=gives.name,
        output=gives,
    )
