"""The card of a checkpoint, the ``README.md`` of its repository: metadata for the Hub, and text for people.

A card is written anew by every push, but for what a person wrote between `BEGIN` and `END`, and the metadata that
genzoo does not write. What a record says is text of others: in the card it is words, never markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genzoo.errors import InvalidInput
from genzoo.registry import registry
from genzoo.spec import OWN_DATA, UNKNOWN_DATA, Architecture, Checkpoint, DatasetSpec, Family, Number, Record
from genzoo.text import code, markdown, one_line

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

__all__ = ["BEGIN", "CARD_FILE", "END", "PREVIEW_FILE", "card", "pipeline_tag"]

CARD_FILE = "README.md"
PREVIEW_FILE = "preview.png"
BEGIN = "<!-- yours: what stands between these two lines survives a push -->"
END = "<!-- end of yours -->"

OURS = ("library_name", "license", "license_name", "license_link", "pipeline_tag", "model-index")
HUB_LICENSES = frozenset({
    "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "cc-by-3.0", "cc-by-4.0",
    "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-2.0", "epl-2.0", "eupl-1.2", "gpl-2.0", "gpl-3.0",
    "isc", "lgpl-2.1", "lgpl-3.0", "mit", "mpl-2.0", "ms-pl", "ofl-1.1", "osl-3.0", "unlicense", "wtfpl", "zlib",
})  # fmt: skip
"""Of the Hub's names of licences (its documentation, "Licenses") those for weights; any other one is ``other``."""


def card(record: Checkpoint, verbs: Sequence[str], *, reference: str, preview: bool, before: str = "") -> str:
    """The text of ``README.md``.

    Args:
        record: of the checkpoint.
        verbs: what the model can do.
        reference: what loads it, ``hf:org/name@commit``.
        preview: whether there is a picture ``preview.png``.
        before: the card that is there.
    """
    theirs, text = _split(before)
    data = _metadata(record, verbs)
    data |= {key: value for key, value in theirs.items() if key not in (*OURS, *data)}
    data["tags"] = [*dict.fromkeys([*data["tags"], *_tags_of_theirs(theirs.get("tags"))])]
    body = "\n\n".join(_sections(record, verbs, reference, preview=preview))
    return f"---\n{_yaml(data)}\n---\n\n{body}\n\n{BEGIN}\n{_yours(text)}{END}\n"


def _split(text: str) -> tuple[dict[str, Any], str]:
    """The metadata of a card and what is below."""
    from huggingface_hub import ModelCard

    if not text.startswith("---"):
        return {}, text
    try:
        there = ModelCard(text, ignore_metadata_errors=True)
    except Exception as error:  # of YAML's parser, or of the types it found
        raise InvalidInput(
            f"the metadata of the card there cannot be read ({error!s:.120}); mend it on the hub"
        ) from None
    return there.data.to_dict(), there.text  # type: ignore[no-untyped-call]  # theirs


def _tags_of_theirs(tags: Any) -> list[str]:
    """The tags of a card that a person gave it: not those that tell what an earlier checkpoint was."""
    kinds: tuple[type[Record], ...] = (Family, Architecture, DatasetSpec)
    ours = {name.rpartition(":")[2] for kind in kinds for name in registry().names(kind)}
    return [tag for tag in tags if isinstance(tag, str) and tag not in ours] if isinstance(tags, list) else []


def _yours(text: str) -> str:
    """What a person wrote into a card: all of one that is not genzoo's. genzoo's part, before it, holds no marker."""
    _, begin, rest = text.partition(BEGIN)
    if not begin:
        return f"{text.strip()}\n".lstrip("\n")
    within, end, tail = rest.rpartition(END)
    yours = within if end else tail
    return yours.removeprefix("\r").removeprefix("\n")


def _yaml(data: Mapping[str, Any]) -> str:
    from huggingface_hub.repocard_data import CardData

    return CardData(**data).to_yaml()


def _metadata(record: Checkpoint, verbs: Sequence[str]) -> dict[str, Any]:
    """The front matter: what the Hub lists, filters and shows the checkpoint by."""
    from huggingface_hub import ModelCardData

    tag = pipeline_tag(record, verbs)
    known = record.license.lower() in HUB_LICENSES
    data = ModelCardData(
        library_name="genzoo",
        license=record.license.lower() if known else "other",
        license_name=None if known else one_line(record.license),
        pipeline_tag=tag or None,
        tags=[one_line(tag) for tag in (record.family, record.architecture.rpartition(":")[2], *_named(record))],
        model_name=record.name if record.metrics else None,
        eval_results=[_result(record, metric, tag) for metric in record.metrics] or None,
    )
    fields: dict[str, Any] = data.to_dict()  # type: ignore[no-untyped-call]  # theirs
    return fields


def pipeline_tag(record: Checkpoint, verbs: Sequence[str]) -> str:
    """What the Hub calls the task of a model of pictures; "" for others."""
    if len(record.input_shape) != 3:
        return ""
    tasks = {"sample": "unconditional-image-generation", "encode": "image-feature-extraction"}
    return next((task for verb, task in tasks.items() if verb in verbs), "")


def _result(record: Checkpoint, metric: str, task: str) -> EvalResult:
    from huggingface_hub import EvalResult

    number = record.metrics[metric]
    protocol = dict(number.protocol)
    data = str(protocol.get("data", record.dataset))
    return EvalResult(
        task_type=task or "other",
        dataset_type=data,
        dataset_name=data,
        dataset_split=protocol.get("split"),
        metric_type=metric,
        metric_name=f"{_words(metric)} ({number.unit})",
        metric_value=number.value,
        metric_args=protocol,
    )


def _sections(record: Checkpoint, verbs: Sequence[str], reference: str, *, preview: bool) -> list[str]:
    picture = [f"![What {record.name} makes]({PREVIEW_FILE})"] if preview else []
    return [
        f"# {record.name}",
        _summary(record),
        *picture,
        "## Use",
        _usage(record, verbs, reference),
        *_numbers(record, reference),
        "## Training",
        _trained(record),
    ]


def _summary(record: Checkpoint) -> str:
    return (
        f"A model for genzoo: family {code(record.family)}, architecture {code(record.architecture)}, "
        f"{record.parameters:,} parameters, trained on {_data(record)}. Licence: {markdown(record.license)}."
    )


def _named(record: Checkpoint) -> list[str]:
    """The name of its data, if that has one."""
    return [] if record.dataset in (OWN_DATA, UNKNOWN_DATA) else [record.dataset]


def _data(record: Checkpoint) -> str:
    words = {OWN_DATA: "data of its author's own", UNKNOWN_DATA: "data that is not recorded"}
    return words.get(record.dataset) or code(record.dataset)


def _usage(record: Checkpoint, verbs: Sequence[str], reference: str) -> str:
    shape, samples = (16, *record.input_shape), "sample" in verbs
    imports = "import genzoo" if samples else "import genzoo\nimport torch"
    x = f"model.sample(16, seed=0)  # {shape}" if samples else f"torch.rand{shape}.to(model.device)"
    length = f"  # {(16, record.latent_dim)}" if record.latent_dim else ""
    z = f"\nz = model.encode(x){length}" if "encode" in verbs else ""
    command = f"genzoo {'sample' if samples else 'show'} {reference}"
    return (
        f"```sh\npip install genzoo\n{command}\n```\n\n"
        f'```python\n{imports}\n\nmodel = genzoo.load("{reference}")\nx = {x}{z}\n```'
    )


def _numbers(record: Checkpoint, reference: str) -> list[str]:
    if not record.metrics:
        return []
    rows = [
        (_words(metric), f"{number.value:.6g}", _floor(number), number.unit, _protocol(number.protocol))
        for metric, number in record.metrics.items()
    ]
    table = [("metric", "value", "floor", "unit", "protocol"), ("---",) * 5, *rows]
    text = "\n".join(f"| {' | '.join(map(markdown, row))} |" for row in table)
    return ["## Numbers", text, f"`genzoo verify {reference}` computes them anew."]


def _floor(number: Number) -> str:
    return "" if number.floor is None else f"{number.floor:.6g}"


def _protocol(protocol: Mapping[str, Any]) -> str:
    return ", ".join(f"{_words(key)} {value}" for key, value in protocol.items())


def _words(name: str) -> str:
    return name.replace("_", " ")


def _trained(record: Checkpoint) -> str:
    if not record.recipe:
        return "How it was trained is not recorded."
    facts = [f"{key} {record.trained[key]}" for key in ("genzoo", "torch", "device") if key in record.trained]
    if isinstance(seconds := record.trained.get("seconds"), int | float):
        facts.append(f"{seconds:,} seconds")
    told = f"Trained with {markdown(', '.join(facts))}. " if facts else ""
    return f"{told}The recipe is in `genzoo.json`."
