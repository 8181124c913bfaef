"""The page's files, and its HTML: with scripts beside it, or with everything in itself."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any

__all__ = ["CONTENT_TYPES", "POLICY", "assets", "inlined", "page", "template"]

WEB = Path(__file__).parent / "web"
NONE: Mapping[str, str] = MappingProxyType({})
CONTENT_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)

_STYLE = re.compile(r'<link rel="stylesheet" href="web/([\w-]+\.css)">\n')
_SCRIPT = re.compile(r'<script type="module" src="web/([\w-]+)\.js"></script>\n')
_IMPORT = re.compile(r'^import (\{[\w, ]+\}) from "\./([\w-]+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:class|const|function) (\w+))", re.MULTILINE)


def assets(scripts: Mapping[str, str] = NONE) -> dict[str, bytes]:
    """The scripts and style sheets, by name; `scripts` are those of the operations that plugins bring."""
    files = {path.name: path.read_bytes() for path in sorted(WEB.iterdir()) if path.suffix in CONTENT_TYPES}
    more = "\n".join(f"{json.dumps(name)}: ({script.strip()})," for name, script in sorted(scripts.items()))
    files["operations.js"] = files["operations.js"].replace(b"MORE = {};", f"MORE = {{{more}}};".encode())
    return files


def page(told: Mapping[str, Any], setting: Mapping[str, Any], home: str = "") -> str:
    """The HTML of the page of one model.

    Args:
        told: its description.
        setting: ``model``, the name of its files; ``served``, whether a server computes, or the browser; ``peers``, the
            names of what it may be compared with; ``load``, what genzoo.load takes, or "".
        home: the address of the page it belongs to, or "".
    """
    return template(
        "page.html",
        title=escape(told["name"]),
        facts=escape(told["facts"]),
        order=escape(told["order"]),
        start=escape(told["start"]),
        peers="".join(f"<option>{escape(name)}</option>" for name in setting["peers"]),
        home=f'href="{escape(home)}"' if home else "",
        setting=escape(json.dumps({**setting, "load": _load(setting["load"])})),
    )


def _load(source: str) -> str:
    """The Python that gives the model."""
    model = f"model = genzoo.load({json.dumps(source)})" if source else "# model is that of this page"
    return f"import genzoo\nimport torch\n\n{model}"


def template(name: str, **values: str) -> str:
    """A file of HTML, its ``{{key}}`` replaced by values, which are HTML already."""
    html = (WEB / name).read_text(encoding="utf-8")
    values |= {"policy": POLICY}
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], html)


def inlined(html: str, files: Mapping[str, bytes], scripts: Mapping[str, str] = NONE) -> str:
    """The page as one file: its styles, its scripts as one, and `files`, by the paths that the page asks for; `scripts`
    as in `assets`.

    Scripts are allowed by their hash alone, and no address at all.
    """
    (main,) = _SCRIPT.findall(html)
    modules: dict[str, str] = {}
    texts = {name: data.decode() for name, data in assets(scripts).items()}
    _gather(main, modules, texts)
    script = "\n".join(modules.values())
    style = "".join(texts[name] for name in _STYLE.findall(html))
    carried = json.dumps({path: b64encode(data).decode() for path, data in files.items()})
    parts = (
        f"<style>{style}</style>\n",
        f'<script type="application/json" id="carried">{carried}</script>\n',
        f'<script type="module">{script}</script>\n',
    )
    policy = POLICY.replace("script-src 'self'", f"script-src {_hash(script)}").replace(
        "style-src 'self'", f"style-src {_hash(style)}"
    )
    policy = policy.replace("connect-src 'self'", "connect-src 'none'")
    html = _SCRIPT.sub(lambda _: "".join(parts), _STYLE.sub("", html))
    return html.replace(POLICY, policy)


def _gather(name: str, modules: dict[str, str], texts: Mapping[str, str]) -> None:
    """Put a module behind those that it imports, each as a constant that holds what it exports."""
    if name in modules:
        return
    text = texts[f"{name}.js"]
    for _, other in _IMPORT.findall(text):
        _gather(other, modules, texts)
    exported = ", ".join(_EXPORT.findall(text))
    text = _EXPORT.sub("", _IMPORT.sub(lambda found: f"const {found[1]} = {_constant(found[2])};", text))
    modules[name] = f"const {_constant(name)} = (() => {{\n{text}\nreturn {{ {exported} }};\n}})();\n"


def _constant(name: str) -> str:
    return f"module_{name.replace('-', '_')}"


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
