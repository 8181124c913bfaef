"""How results show themselves: tables as text, and as HTML for notebooks. No script, no style sheet, no request."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape as escape_html
from typing import Any

from genzoo.text import one_line

__all__ = ["cell", "encoded", "heading", "picture", "table", "text_table"]

Rows = Sequence[Sequence[str]]


def cell(value: Any) -> str:
    """A value of a table: four digits of a float, thousands apart in a whole number, "" for None."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def text_table(header: Sequence[str], rows: Rows) -> str:
    """Columns of one width each, apart by two spaces."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in (header, *rows))
    return "\n".join(line.rstrip() for line in lines)


def table(header: Sequence[str], rows: Rows) -> str:
    """The same as HTML."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def escape(text: str) -> str:
    """Text of others as HTML that shows it."""
    return escape_html(one_line(text))


def heading(name: str, told: str) -> str:
    """A name, and a line about it."""
    return f"<p><strong>{escape(name)}</strong><br>{escape(told)}</p>"


def picture(png: bytes, alt: str) -> str:
    """A PNG as HTML that holds it."""
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{encoded(png)}">'


def encoded(data: bytes) -> str:
    """Bytes as a notebook holds them: in base64."""
    return b64encode(data).decode()
