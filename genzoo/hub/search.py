"""Checkpoints of others on the Hub, by the name of the library on their cards. Free of torch."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from genzoo.hub.fetch import warn_of_token
from genzoo.hub.http import ask_json
from genzoo.hub.settings import endpoint
from genzoo.spec import REPO

__all__ = ["search"]

MOST = 100
SHOWN = ("downloads", "pipeline_tag", "tags")
MOST_TAGS = 100
WORD = re.compile(r"[\w.:/-]{1,200}", re.ASCII)


def search(text: str = "", *, author: str = "") -> list[dict[str, Any]]:
    """The at most 100 most downloaded checkpoints whose name has `text` in it, of `author` alone if given.

    A row has ``name`` (``hf:org/name``), ``task``, ``license``, ``downloads`` and ``tags``. What a hub says is input:
    what is no name or no word is left out.

    Raises:
        NetworkError: the hub cannot be reached, or does not answer as a hub does.
    """
    wanted = {
        "filter": "genzoo",
        "search": text,
        "author": author,
        "sort": "downloads",
        "limit": MOST,
        "expand[]": SHOWN,
    }
    warn_of_token(endpoint())
    query = urlencode({key: value for key, value in wanted.items() if value}, doseq=True, errors="replace")
    found = ask_json("GET", f"/api/models?{query}", what="search")
    entries = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    return [_row(entry) for entry in entries if REPO.fullmatch(_word(entry.get("id")))][:MOST]


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    tags = entry.get("tags")
    words = [tag for tag in map(_word, tags[:MOST_TAGS] if isinstance(tags, list) else ()) if tag]
    licenses = [tag.removeprefix("license:") for tag in words if tag.startswith("license:")]
    task, downloads = _word(entry.get("pipeline_tag")), entry.get("downloads")
    return {
        "name": f"hf:{entry['id']}",
        "task": task,
        "license": licenses[0] if licenses else "",
        "downloads": downloads if type(downloads) is int and 0 <= downloads < 1 << 53 else 0,
        "tags": [tag for tag in words if ":" not in tag and tag not in ("genzoo", task)],
    }


def _word(value: Any) -> str:
    """`value` if it is a word; else ""."""
    return value if isinstance(value, str) and WORD.fullmatch(value) else ""
