"""push: a checkpoint to the Hub."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from genzoo.api.build import load
from genzoo.api.carried import files_of_parts
from genzoo.arguments import typed
from genzoo.catalog import of_no_plugin
from genzoo.errors import InvalidInput
from genzoo.files import json_text
from genzoo.hub.card import PREVIEW_FILE, card
from genzoo.hub.files import encode_weights
from genzoo.hub.push import Published, publish
from genzoo.models import Model
from genzoo.models.given import each_in_turn
from genzoo.pictures import draw, how_many, is_drawable, png
from genzoo.spec import RECORD_FILE, REPO, WEIGHTS_FILE, Checkpoint, record_bytes

__all__ = ["Draft", "push", "states_license"]

CONFIG_FILE = "config.json"
UNSTATED = ("", "unstated")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a push would upload: a checkpoint that was loaded with every check, as files, and its card.

    The weights and the record are the checkpoint. ``config.json`` is for the Hub, which counts downloads by it, and
    ``preview.png`` and the card are for people: genzoo reads none of the three.
    """

    checkpoint: Checkpoint
    repo: str
    verbs: tuple[str, ...]
    files: Mapping[str, bytes]

    @classmethod
    def of(cls, name: str | Path, repo: str, *, license: str = "") -> Draft:  # noqa: A002  # the record's word
        """The draft of a checkpoint; raises as `push` does, before anything is sent."""
        if not REPO.fullmatch(repo):
            raise InvalidInput(
                f"{repo!r:.120} is no repository's name: give org/name, org being you or yours on the hub"
            )
        model = load(name, device="cpu")
        there = model.checkpoint
        assert there is not None
        checkpoint = _licensed(model, str(name), repo, license)
        weights = encode_weights(model.state_dict())
        checkpoint = replace(
            checkpoint, sha256=sha256(weights).hexdigest(), size_bytes=len(weights), repo="", commit=""
        )
        files = {
            WEIGHTS_FILE: weights,
            RECORD_FILE: record_bytes(checkpoint),
            CONFIG_FILE: _config(checkpoint),
            **dict(files_of_parts(of_no_plugin(there))),
            **_preview(model, checkpoint.folder),
        }
        return cls(checkpoint=checkpoint, repo=repo, verbs=tuple(model.verbs), files=files)

    def card(self, reference: str = "", before: str = "") -> str:
        """The text of the card, which says to load `reference`; `before` is the card that is there."""
        reference = reference or f"hf:{self.repo}"
        return card(self.checkpoint, self.verbs, reference=reference, preview=PREVIEW_FILE in self.files, before=before)

    def publish(self, *, private: bool = False) -> Published:
        """Upload it; raises as `push` does."""
        return publish(self.repo, self.files, self.card, private=private)


@typed
def push(name: str | Path, repo: str, *, license: str = "", private: bool = False) -> str:  # noqa: A002  # as above
    """Publish a checkpoint on the Hub, at once, and read it back; returns the pin, ``hf:org/name@commit``.

    It is loaded first, with every check. The card keeps what a person wrote between its markers.

    Args:
        name: a checkpoint's name, or the folder of a run or checkpoint, as in `load`.
        repo: ``org/name`` on the hub (``HF_ENDPOINT``, https://huggingface.co without it); made if need be.
        license: SPDX licence of the weights, if the record states none or another.
        private: whether nobody else may see it.

    Raises:
        NotFound: no such checkpoint.
        InvalidInput: it has no licence, `repo` is no repository's name, or holds something else.
        IntegrityError: the weights are not the recorded ones, or hold NaN; or the hub gives others back.
        NetworkError: the hub refuses the token or cannot be reached, or someone else has pushed in between.
    """
    return Draft.of(name, repo, license=license).publish(private=private).pin


def states_license(checkpoint: Checkpoint) -> bool:
    """Whether its record says under which licence the weights may be used."""
    return checkpoint.license.strip().lower() not in UNSTATED


def _licensed(model: Model, name: str, repo: str, wanted: str) -> Checkpoint:
    """The record of a model with the licence wanted, if one is; InvalidInput if it then states none."""
    assert model.checkpoint is not None
    checkpoint = model.checkpoint
    if wanted:
        recipe = {**checkpoint.recipe, "license": wanted} if checkpoint.recipe else {}
        checkpoint = replace(checkpoint, license=wanted, recipe=recipe)
    if not states_license(checkpoint):
        again = shlex.join(["genzoo", "push", name, repo, "--license", "Apache-2.0"])
        raise InvalidInput(
            f"{model.name} states no licence, so that nobody could use it; choose one: {again} (and write "
            'license = "Apache-2.0" into its recipe for the next run)',
            suggestions=[again],
        )
    return checkpoint


def _config(checkpoint: Checkpoint) -> bytes:
    keys = ("name", "family", "architecture", "config")
    config = {"library_name": "genzoo", **{key: getattr(checkpoint, key) for key in keys}}
    return json_text(config).encode()


def _preview(model: Model, folder: Path) -> dict[str, bytes]:
    """A picture of what a model makes: its samples, or else the last picture of its run, if there is one."""
    count = how_many(model.input_shape)
    given = each_in_turn(model.spec.given, count)
    if "sample" in model.verbs and is_drawable(model.input_shape) and given is not None:
        return {PREVIEW_FILE: png(draw(model.sample(count, seed=0, **given)))}
    pictures = sorted(folder.glob("samples/epoch-*.png"))
    return {PREVIEW_FILE: pictures[-1].read_bytes()} if pictures else {}
