"""The same page as plain files: the browser computes, and any file server will do, or none."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import torch

from genzoo import catalog
from genzoo.api.build import load
from genzoo.datasets import Split
from genzoo.errors import GenzooError, GenzooWarning, InvalidInput, UnsupportedVerb
from genzoo.explore.columns import examples_of
from genzoo.explore.description import describe, held_out_examples, source_of
from genzoo.explore.export import Decoder, export_decoder
from genzoo.explore.page import WEB, assets, inlined, page, template
from genzoo.explore.panels import code_of, panels_of
from genzoo.explore.peers import Kind
from genzoo.files import atomic_write, refuse_existing, user_path, writable_folder
from genzoo.models import Model
from genzoo.pictures import draw, how_many, is_picture, png

__all__ = ["write_gallery", "write_single"]

SAMPLES = 16


@dataclass(frozen=True, kw_only=True)
class _Exhibit:
    """A model as files.

    Attributes:
        name: of its files.
        load: what genzoo.load takes.
        told: its description.
        decoder: for the engine of the page.
        picture: for the index, a PNG.
        kind: which others it can be compared with.
    """

    name: str
    load: str
    told: dict[str, Any]
    decoder: Decoder
    picture: bytes
    kind: Kind | None

    @classmethod
    def of(cls, name: str, data_root: Path | None) -> _Exhibit:
        model = load(name, device="cpu")
        model.decode  # noqa: B018  # refused here if it cannot
        data = held_out_examples(model, data_root)
        return cls(
            name=model.name,
            load=source_of(model),
            told=describe(model, data),
            decoder=export_decoder(model),
            picture=_picture(model, data),
            kind=Kind.of(model.spec, model.checkpoint.dataset if model.checkpoint else ""),
        )

    def fits(self, other: _Exhibit) -> bool:
        """Whether the page compares the two."""
        return bool(self is not other and self.kind and other.kind and self.kind.fits(other.kind))

    @property
    def address(self) -> str:
        """The file of its page; index.html is the gallery's own."""
        return f"{self.name}{'-page' if self.name.lower() == 'index' else ''}.html"

    def files(self) -> dict[str, bytes]:
        """What the page asks for, by path."""
        told = json.dumps(self.told, allow_nan=False).encode()
        return {f"models/{self.name}.json": told, f"models/{self.name}.safetensors": self.decoder.data}

    def page(self, peers: Sequence[str], home: str) -> str:
        return page(self.told, {"model": self.name, "served": False, "peers": peers, "load": self.load}, home)


def _picture(model: Model, data: Split | None) -> bytes:
    """Samples, or where there can be none pictures of data and below them what comes back."""
    if "samples" in panels_of(model):
        count = SAMPLES if is_picture(model.input_shape) else how_many(model.input_shape)
        return png(draw(model.sample(count, seed=0, **_told(model, data, count))))
    if data is None:
        z = torch.zeros(1, *code_of(model).shape, dtype=torch.float32, device="cpu")
        return png(draw(model.decode(z, **_told(model, None, 1))))
    x = data.first(SAMPLES // 2)
    given = _told(model, data, len(x))
    return png(draw(torch.cat([x, model.decode(model.encode(x, **given), **given)])))


def _told(model: Model, data: Split | None, count: int) -> dict[str, Any]:
    return examples_of(model, data, torch.arange(count, device="cpu") % (count if data is None else len(data)))


def write_gallery(
    names: Sequence[str], folder: str | Path, *, data_root: Path | None = None, force: bool = False
) -> Path:
    """A folder of plain files: an index, a page for each model, and the page of a GAN of one dimension.

    Args:
        names: of checkpoints, as genzoo.load takes them; every one that decodes without any.
        folder: made if need be.
        data_root: where data sets lie or are downloaded to.
        force: write over a gallery that is there.

    What cannot be a page is left out, with a GenzooWarning that says why.

    Returns:
        The path of the index.

    Raises:
        NotFound: no such checkpoint.
        InvalidInput: none of them can be a page, or two models have one name.
        OutputExists: there is an index, and not `force`.
    """
    folder = user_path(folder)
    refuse_existing(folder / "index.html", force=force)
    for name in names:
        catalog.find_checkpoint(name)  # a mistyped name is told before anything is done
    new = not folder.exists()
    writable_folder(folder)
    try:
        return _write(_exhibits(names, data_root), folder)
    except GenzooError:
        if new:
            with suppress(OSError):  # something has been written
                folder.rmdir()
        raise


def _write(exhibits: Sequence[_Exhibit], folder: Path) -> Path:
    if len({exhibit.address.lower() for exhibit in exhibits}) < len(exhibits):
        raise InvalidInput("two of these models have the same name, and a gallery has one page for each name")
    scripts = {name: script for one in exhibits for name, script in one.decoder.scripts.items()}
    files = {f"web/{name}": data for name, data in assets(scripts).items()}
    files["web/gan1d.html"] = (WEB / "gan1d.html").read_bytes()
    for one in exhibits:
        peers = [other.name for other in exhibits if one.fits(other)]
        files |= one.files() | {f"models/{one.name}.png": one.picture}
        files[one.address] = one.page(peers, "index.html").encode()
    for path, data in files.items():
        writable_folder((folder / path).parent)
        atomic_write(folder / path, data)
    index = folder / "index.html"
    atomic_write(index, template("index.html", cards="\n".join(map(_card, exhibits))).encode())
    return index


def _exhibits(names: Sequence[str], data_root: Path | None) -> list[_Exhibit]:
    """Those that can be pages, of `names` or of all checkpoints; InvalidInput if there is none."""
    exhibits, reasons = [], []
    for name in names or catalog.list_models():
        try:
            exhibits.append(_Exhibit.of(name, data_root))
        except UnsupportedVerb as error:  # a network that does not decode, of which nobody has asked for a page
            reasons += [error.message] if names else []
        except GenzooError as error:
            reasons.append(error.message)
        except Exception as error:  # a plugin's network may raise anything
            reasons.append(f"{name}: {type(error).__name__}: {error}")
    if not exhibits:
        raise InvalidInput("; ".join(["nothing is left for the gallery", *reasons]))
    for reason in reasons:
        warnings.warn(GenzooWarning(f"left out of the gallery: {reason}"), stacklevel=4)
    return exhibits


def _card(exhibit: _Exhibit) -> str:
    told = exhibit.told
    row = catalog.overview(catalog.summary(exhibit.load))
    facts = f"{told['kind']} · {told['dataset']} · {told['codes']} · {len(exhibit.decoder.data) / 1e6:.2f} MB"
    shown = "Samples of" if "samples" in told["panels"] else "Pictures, and below them what comes back from"
    return (
        f'<li><a href="{exhibit.address}"><img src="models/{exhibit.name}.png" alt="{shown} {exhibit.name}">'
        f'<h2>{escape(told["name"])}</h2></a><p class="soft">{escape(facts)}<br>{escape(row[-1])}</p></li>'
    )


def write_single(name: str, path: Path, *, data_root: Path | None = None, force: bool = False) -> None:
    """One HTML file that opens by a double click: the page of a model, its scripts and its weights.

    Raises as `write_gallery` does.
    """
    refuse_existing(path, force=force)
    exhibit = _Exhibit.of(name, data_root)
    atomic_write(path, inlined(exhibit.page([], ""), exhibit.files(), exhibit.decoder.scripts).encode())
