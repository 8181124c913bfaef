"""Checkpoints of others on the Hub, by the name of the library on their cards. Free of torch."""

from __future__ import annotations

import re
from typing import Any

from genzoo import __version__
from genzoo.hub.failures import typed
from genzoo.hub.fetch import warn_of_token
from genzoo.spec import REPO

__all__ = ["search"]

MOST = 100
WORD = re.compile(r"[\w.:/-]{1,80}", re.ASCII)


def search(text: str = "", *, author: str = "") -> list[dict[str, Any]]:
    """The at most 100 most downloaded checkpoints whose name has `text` in it, of `author` alone if given.

    A row has ``name`` (``hf:org/name``), ``task``, ``license``, ``downloads`` and ``tags``. What a hub says is input:
    what is no name or no word is left out.

    Raises:
        NetworkError: the hub cannot be reached, or does not answer as a hub does.
    """
    from huggingface_hub import constants, get_session, hf_raise_for_status
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # documented

    wanted = {"filter": "genzoo", "search": text, "author": author, "sort": "downloads"}
    warn_of_token(constants.ENDPOINT)
    with typed("search"):  # list_models would try again for 23 seconds
        answer = get_session().get(
            f"{constants.ENDPOINT}/api/models",
            params={"limit": str(MOST), "full": "true", **{key: value for key, value in wanted.items() if value}},
            headers=build_hf_headers(library_name="genzoo", library_version=__version__),
            timeout=constants.HF_HUB_ETAG_TIMEOUT,
        )
        hf_raise_for_status(answer)
        found = answer.json()
    entries = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    return [_row(entry) for entry in entries if REPO.fullmatch(str(entry.get("id")))]


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    tags = entry.get("tags")
    words = [tag for tag in map(str, tags if isinstance(tags, list) else ()) if WORD.fullmatch(tag)]
    licenses = [tag.removeprefix("license:") for tag in words if tag.startswith("license:")]
    task, downloads = str(entry.get("pipeline_tag") or ""), entry.get("downloads")
    return {
        "name": f"hf:{entry['id']}",
        "task": task if WORD.fullmatch(task) else "",
        "license": licenses[0] if licenses else "",
        "downloads": downloads if isinstance(downloads, int) else 0,
        "tags": [tag for tag in words if ":" not in tag and tag not in ("genzoo", task)],
    }
