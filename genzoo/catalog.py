"""What there is, without loading it: `list_models` and `show`. Free of torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from genzoo import notebook
from genzoo.arguments import typed
from genzoo.errors import AmbiguousName, DamagedFile, HubNotFound, NotFound
from genzoo.fields import Field
from genzoo.files import user_path
from genzoo.hub.reference import PREFIX, is_reference
from genzoo.registry import Found, registry
from genzoo.spec import (
    MODEL_FIELDS,
    PARTS_FOLDER,
    RECORD_FILE,
    Architecture,
    Checkpoint,
    Column,
    DatasetSpec,
    ExporterSpec,
    Family,
    Numbers,
    Objective,
    RecipeFile,
    SamplerSpec,
    TrackerSpec,
)

__all__ = [
    "OVERVIEW",
    "Names",
    "compare",
    "describe",
    "export_suffixes",
    "find_checkpoint",
    "find_data",
    "find_part",
    "is_path",
    "is_pattern",
    "list_models",
    "of_no_plugin",
    "overview",
    "show",
    "summary",
]

OVERVIEW = ("name", "family", "data", "latents", "parameters", "size", "quality")
OF_THE_MODEL = ("prior", "kl")
"""What a protocol says of the model that is measured: numbers that differ in it alone can be compared."""
HEADLINES = ("fid", "negative_log_likelihood", "negative_elbo", "accuracy", "reconstruction_mse")

_Explained = Architecture | Family | Objective | SamplerSpec | TrackerSpec | DatasetSpec


class Names(list[str]):
    """Names of checkpoints; a table of them in a notebook."""

    def _repr_html_(self) -> str:
        return notebook.table(OVERVIEW, [overview(summary(name)) for name in self])


@typed
def list_models(pattern: str = "*") -> Names:
    """The names of all checkpoints that match a shell pattern, sorted: ``list_models("vae-*")``.

    A word without ``*``, ``?`` and ``[`` matches every name that it is a part of: ``list_models("gan")``. A name that
    two distributions offer stands once for each, as ``distribution:name``.
    """
    wanted = pattern if is_pattern(pattern) else f"*{pattern}*"
    entries = registry().entries(Checkpoint)
    return Names(
        sorted(name for name, _, record in entries if fnmatchcase(name, wanted) or fnmatchcase(record.name, wanted))
    )


def is_pattern(text: str) -> bool:
    """Whether a text is a shell pattern, and not a word."""
    return not set(text).isdisjoint("*?[")


@typed
def show(name: str | Path) -> Checkpoint:
    """The record of a checkpoint.

    Raises:
        NotFound: there is none of that name; the message has the nearest ones.
    """
    return find_checkpoint(name).record


def find_checkpoint(name: str | Path) -> Found[Checkpoint]:
    """The record of a checkpoint, and where it came from.

    `name` is a checkpoint's name, ``distribution:name``, one on the hub (``hf:org/name@commit``), or the folder of a
    run or checkpoint: a Path, or a string with a ``/`` in it. A bare name is never tried as a path.
    """
    if is_reference(name):
        return of_no_plugin(_remote_record(str(name)))
    if is_path(name):
        return of_no_plugin(Checkpoint.read(user_path(name)))
    try:
        return registry().find_entry(Checkpoint, str(name))
    except AmbiguousName:
        raise
    except NotFound as error:
        if _holds_record(name):
            raise _or(error, "For the folder here write", f"./{name}") from None
        if name in registry().names(RecipeFile):
            raise _or(error, "There is a recipe of that name:", f"genzoo train {name}") from None
        if str(name).startswith(PREFIX):
            raise NotFound(f"{error.message}. For one on the hub write hf:org/name") from None
        raise


def find_data(checkpoint: Checkpoint) -> DatasetSpec | None:
    """The data set that a checkpoint was trained on; None if no plugin that offers it is installed.

    Raises:
        AmbiguousName: several distributions offer one of that name.
    """
    try:
        return registry().find(DatasetSpec, checkpoint.dataset, prefer=checkpoint.distribution)
    except AmbiguousName:
        raise
    except NotFound:
        return None


def of_no_plugin(checkpoint: Checkpoint, within: str = "") -> Found[Checkpoint]:
    """The record of a folder or of the hub, as what was found; `within` is as Found has it."""
    return Found(record=checkpoint, plugin=None, owner=checkpoint.distribution, within=within)


def find_part(above: Found[Checkpoint], role: str) -> Found[Checkpoint]:
    """The record of a part of a checkpoint: that of its name, or the one that the checkpoint brings along.

    Args:
        above: what stands on it.
        role: which part.

    Raises:
        NotFound: it is nowhere.
        DamagedFile: what is there has another sha256 than the checkpoint pins.
        NetworkError: it is on the hub alone, which cannot be reached.
    """
    checkpoint = above.record
    part = checkpoint.parts[role]
    here = f"{above.within}{PARTS_FOLDER}/{role}/"
    others = []
    for look in (_part_by_name, _part_beside, _part_on_the_hub):
        found = look(checkpoint, role, here)
        if found and found.record.sha256 == part.sha256:
            return found
        others += [found.record] if found else []
    what = f"{checkpoint.name} stands on {part.name}"
    if others:
        raise DamagedFile(
            f"{what} with the sha256 {part.sha256[:12]}…, and the one here has {others[0].sha256[:12]}…: it is another "
            "version; install the version that has it"
        )
    raise NotFound(f"{what} ({role}), which is not here; if it is a plugin's: pip install that plugin")


def _part_by_name(checkpoint: Checkpoint, role: str, here: str) -> Found[Checkpoint] | None:
    name = checkpoint.parts[role].name
    if is_path(name):
        return None  # no record leads to a folder of this machine
    try:
        return find_checkpoint(name)
    except NotFound:
        return None


def _part_beside(checkpoint: Checkpoint, role: str, here: str) -> Found[Checkpoint] | None:
    folder = checkpoint.folder / PARTS_FOLDER / role
    if checkpoint.folder == Path() or not _holds_record(folder):
        return None
    found = Checkpoint.read(folder)
    in_cache = bool(checkpoint.repo)
    record = replace(found, repo=checkpoint.repo, commit=checkpoint.commit) if in_cache else found
    return of_no_plugin(record, here if in_cache else "")


def _part_on_the_hub(checkpoint: Checkpoint, role: str, here: str) -> Found[Checkpoint] | None:
    if not checkpoint.repo:
        return None
    from genzoo.hub.sources import part_record

    try:
        return of_no_plugin(part_record(checkpoint, here), here)
    except HubNotFound:
        return None


def _or(error: NotFound, told: str, way: str) -> NotFound:
    """The same, with what else the name may mean."""
    stop = "" if error.message.endswith("?") else "."
    return NotFound(f"{error.message}{stop} {told} {way}", suggestions=[way])


def _remote_record(name: str) -> Checkpoint:
    from genzoo.hub.sources import remote_record  # which may need the hub's client

    return remote_record(name)


def _holds_record(folder: str | Path) -> bool:
    with suppress(OSError, ValueError):  # what is too long for a path, or has a NUL in it, is none
        return (Path(folder) / RECORD_FILE).is_file()
    return False


def is_path(name: str | Path) -> bool:
    """Whether a name is meant as a path: a Path, or a string with a slash of either kind in it, but not ``hf:…``."""
    return isinstance(name, Path) or (("/" in name or "\\" in name) and not is_reference(name))


def export_suffixes() -> tuple[str, ...]:
    """The endings of the files that models can be exported to, genzoo's own first."""
    return tuple(dict.fromkeys(record.suffix for _, _, record in registry().entries(ExporterSpec)))


def summary(name: str | Path) -> dict[str, Any]:
    """The row of a checkpoint in ``genzoo list --json``."""
    found = find_checkpoint(name)
    checkpoint = found.record
    return {
        "name": str(name),
        "family": checkpoint.family,
        "architecture": checkpoint.architecture,
        "dataset": checkpoint.dataset,
        "input_shape": list(checkpoint.input_shape),
        "latent_dim": checkpoint.latent_dim,
        "parameters": checkpoint.parameters,
        "size_bytes": checkpoint.size_bytes,
        "sha256": checkpoint.sha256,
        "license": checkpoint.license,
        "plugin": found.plugin.name if found.plugin else None,
        "distribution": found.owner or None,
        "metrics": Numbers(checkpoint.metrics).to_dict(),
    }


def overview(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of a `summary` in a list, under `OVERVIEW`."""
    size = f"{row['size_bytes'] / 1e6:.1f} MB"
    told = (row["name"], row["family"], row["dataset"], str(row["latent_dim"] or ""), f"{row['parameters']:,}", size)
    return (*told, _quality(row["metrics"]))


def _quality(metrics: Mapping[str, Any]) -> str:
    """The first of HEADLINES that a checkpoint has; `show` and `compare` have all."""
    name = next((name for name in HEADLINES if name in metrics), None)
    return f"{name.replace('_', ' ')} {metrics[name]['value']:.4g}" if name else ""


def compare(names: Sequence[str | Path]) -> tuple[list[dict[str, Any]], list[str]]:
    """Checkpoints side by side: a column for each, and what of their numbers cannot be compared.

    A column has the checkpoint's name, data set, latents and parameters, and every recorded number under the name of
    its metric, its floor below. A note names a metric that was measured otherwise for one than for another, and what
    differs.
    """
    records = [show(name) for name in names]
    columns = [
        {"name": str(name), "data set": record.dataset, "latents": record.latent_dim, "parameters": record.parameters}
        | dict(_numbers(record))
        for name, record in zip(names, records, strict=True)
    ]
    metrics = dict.fromkeys(metric for record in records for metric in record.metrics)
    differing = {metric: _protocol_differences(metric, records) for metric in metrics}
    return columns, [f"{key}: not comparable: {', '.join(which)} differ" for key, which in differing.items() if which]


def _numbers(record: Checkpoint) -> Iterator[tuple[str, float]]:
    for metric, number in record.metrics.items():
        yield metric, number.value
        if number.floor is not None:
            yield f"{metric}, floor", number.floor


def _protocol_differences(metric: str, records: Sequence[Checkpoint]) -> list[str]:
    """In what the protocols of a metric differ. The data are those trained on, where it names no other."""
    protocols = [
        {"data": record.dataset, **record.metrics[metric].protocol} for record in records if metric in record.metrics
    ]
    keys = dict.fromkeys(key for protocol in protocols for key in protocol if key not in OF_THE_MODEL)
    return [key for key in keys if any(protocol.get(key) != protocols[0].get(key) for protocol in protocols)]


def describe(name: str | Path) -> dict[str, Any]:
    """The whole record of a checkpoint, or what a family, architecture, objective or data set is and takes, for
    ``genzoo show``."""
    kinds: tuple[type[_Explained], ...] = (Architecture, Family, Objective, SamplerSpec, TrackerSpec, DatasetSpec)
    for kind in kinds if not is_path(name) else ():
        try:
            return _explain(registry().find(kind, str(name)))
        except AmbiguousName:
            raise
        except NotFound:
            continue
    checkpoint = find_checkpoint(name).record
    more = ("config", "recipe", "trained", "labels")
    where = {"pin": checkpoint.pin or None, "path": str(checkpoint.folder)}
    columns = {key: _columns(found) for key in ("given", "predicts") if (found := getattr(checkpoint, key))}
    parts = {"parts": {role: part.name for role, part in checkpoint.parts.items()}} if checkpoint.parts else {}
    return summary(name) | {key: dict(getattr(checkpoint, key)) for key in more} | columns | parts | where


def _columns(columns: Mapping[str, Column]) -> dict[str, str]:
    """What each column takes, in words."""
    return {
        name: column.wanted() + (" (may be left out)" if column.optional else "") for name, column in columns.items()
    }


def _explain(record: _Explained) -> dict[str, Any]:
    """A record that is no checkpoint, with the keys a recipe may give it."""
    told: dict[str, Any] = {"name": record.name, "kind": record.kind, "summary": record.summary}
    if isinstance(record, DatasetSpec):
        always = ("shape", "values", "splits", "license")
        more = (key for key in ("classes", "factors", "pictures", "features") if getattr(record, key))
        columns = {"columns": _columns(record.columns)} if record.columns else {}
        return told | {key: getattr(record, key) for key in (*always, *more)} | columns
    if isinstance(record, TrackerSpec):
        return told | {"needs": record.module or None}
    fields = {**MODEL_FIELDS, **record.config} if isinstance(record, Family) else record.config
    keys = {key: f"{rule.doc}; {rule.allowed()}{_default(rule)}" for key, rule in fields.items()}
    exceptions = getattr(record, "exceptions", {})
    broken = {"exceptions": dict(exceptions)} if exceptions else {}
    return told | {"paper": record.paper or None, "config": keys, **broken}


def _default(rule: Field) -> str:
    return " (required)" if rule.required else f" [default: {rule.default}]"
