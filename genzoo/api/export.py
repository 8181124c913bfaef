"""export: a verb of a model as a file that runs without genzoo."""

from __future__ import annotations

import copy
from pathlib import Path

from genzoo.api.build import load
from genzoo.api.defaults import plain_defaults
from genzoo.arguments import typed
from genzoo.exporting import Exported, exporter
from genzoo.files import atomic_write, refuse_existing, user_path
from genzoo.models import Model

__all__ = ["export", "exported"]


@typed
@plain_defaults()
def export(model: Model | str | Path, path: str | Path, *, verb: str = "", force: bool = False) -> Path:
    """Write one verb of a model as a graph with a dynamic batch axis, for programs without genzoo; returns the path.

    A file holds one verb and the weights that it uses. Before it is written, its values are compared with the model's
    (an ONNX file's as onnxruntime computes them). Its input is ``x`` or ``z``, or several that are numbered, ``z_0``
    and so on, and what the model is told by its name, the index of a label, say; where it may be left out, the number
    of values, or NaN, stands for it. Its metadata is JSON: name, verb, family, architecture, dataset, license, sha256
    of the weights, latent_dim, and name, shape, dtype and range of inputs and output.

    ``.onnx``, which needs ``pip install 'genzoo[onnx]'``::

        session = onnxruntime.InferenceSession("model.onnx")
        (x,) = session.run(None, {"z": z})
        metadata = json.loads(session.get_modelmeta().custom_metadata_map["genzoo"])

    ``.pt2``, which needs torch alone, of the same version or a later one. torch reads it by pickle: load no file that
    you do not trust::

        told = {"genzoo.json": ""}
        decode = torch.export.load("model.pt2", extra_files=told).module()
        x = decode(z)
        metadata = json.loads(told["genzoo.json"])

    Args:
        model: a model, or what `load` takes.
        path: of the file; the suffix is the format: ``.onnx``, ``.pt2``, or one that a plugin brings.
        verb: ``decode``, ``encode``, ``reconstruct``, ``discriminate``, ``classify`` or ``drift``, as far as the model
            has it; "" is `decode`, or else the first that it has. `sample` is `decode` of standard normal noise.
        force: write over a file that is there.

    Raises:
        NotFound, IntegrityError, NetworkError: as `load` does.
        MissingDependency: a package that the format needs is not installed.
        OutputExists: there is such a file, and not `force`.
        UnsupportedVerb: the model has no such verb, or it gives several tensors, or random ones.
        InvalidInput: another suffix, or a verb that cannot be exported; the message names the verb and the cause.
        VerificationFailed: the file's values are not the model's; nothing is written.
    """
    path = user_path(path)
    exporter(path.suffix.lower())
    refuse_existing(path, force=force)
    atomic_write(path, exported(model, path.suffix.lower(), verb).data)
    return path


def exported(model: Model | str | Path, suffix: str, verb: str = "") -> Exported:
    """The file that `export` writes; raises as it does."""
    if not isinstance(model, Model):
        model = load(model, device="cpu")
    elif model.device.type != "cpu":
        model = copy.deepcopy(model).cpu()
    return Exported.of(model, suffix, verb)
