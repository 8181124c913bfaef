"""The page's files, and its HTML with what it is to show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

__all__ = ["CONTENT_TYPES", "POLICY", "assets", "page"]

WEB = Path(__file__).parent / "web"
CONTENT_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


def assets() -> dict[str, Path]:
    """The scripts and style sheets, by name."""
    return {path.name: path for path in sorted(WEB.iterdir()) if path.suffix in CONTENT_TYPES}


def page(title: str, setting: Mapping[str, Any]) -> str:
    """The HTML of the page of one model.

    Args:
        title: the model's name.
        setting: ``model``, its name; ``served``, whether a server computes, or the browser; ``peers``, the names of what
            it may be compared with; ``home``, the page it belongs to, or ""; ``load``, what genzoo.load takes, or "".
    """
    html = (WEB / "page.html").read_text(encoding="utf-8")
    return html.replace("{{title}}", escape(title)).replace("{{setting}}", escape(json.dumps(setting)))
