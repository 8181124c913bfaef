"""Text of others made safe to show: on a terminal, and in Markdown, which is rendered to HTML.

Records, hubs, wheels and file names hold text that someone else wrote. It must not control a terminal, hide or reorder
characters, add lines that look like genzoo's, or become markup.
"""

from __future__ import annotations

import re
import string
from unicodedata import normalize

__all__ = ["CONTROL", "about", "bare", "code", "fenced", "markdown", "one_line", "printable", "words"]

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a record is refused for: it controls the terminal that shows it, or turns text around."""
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""What has no width, or changes the direction of what follows: Unicode's Default_Ignorable_Code_Point, and separators
of lines."""
UNSAFE = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff{INVISIBLE}]")
UNSAFE_IN_LINES = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{INVISIBLE}]")
MAX_WORD = 64
PUNCTUATION = string.punctuation + "“”‘«»„…–—¿¡、。「」"
MARKUP = re.compile(r"""[\\`*_{}\[\]<>#|~&$@"']|:(?=//)|www(?=\.)""")


def one_line(text: object) -> str:
    """`text` on one line of a terminal: what controls, hides or breaks is written as its code, ``u001b`` after a
    backslash."""
    return UNSAFE.sub(_escaped, str(text))


def printable(text: object) -> str:
    """The same for text of several lines: newlines and tabs stay. JSON stays the same JSON."""
    return UNSAFE_IN_LINES.sub(_escaped, str(text))


def markdown(text: object) -> str:
    """`text` as plain words within a line of Markdown, or a cell of a table: no character of it is markup, HTML or a
    link."""
    return MARKUP.sub(lambda match: f"&#{ord(match[0][0])};{match[0][1:]}", one_line(" ".join(str(text).split())))


def code(text: object) -> str:
    """The same, set as code."""
    return f"<code>{markdown(text)}</code>"


def fenced(text: object, language: str) -> str:
    """`text` as a code block of Markdown."""
    body = printable(text).rstrip("\n")
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", body)), default=0))
    return f"{ticks}{language}\n{body}\n{ticks}"


def words(text: str) -> list[str]:
    """The words of a text, each `bare`: ``["a", "cat's", "tail"]`` of ``"A cat’s tail."``."""
    return [word for part in text.split() if (word := bare(part))]


def bare(word: str) -> str:
    """A word in lower case without the punctuation about it, at most MAX_WORD characters of it; "" if it is nothing
    else."""
    plain = CONTROL.sub("", normalize("NFC", word[:MAX_WORD]).lower().replace("’", "'"))
    return plain.strip(PUNCTUATION)


def about(seconds: float) -> str:
    """A time in words: ``about 40 seconds``, ``about 12 minutes``, ``about 3 hours``."""
    if seconds < 90:
        return f"about {max(round(seconds, -1), 10):.0f} seconds"
    return f"about {seconds / 60:.0f} minutes" if seconds < 90 * 60 else f"about {seconds / 3600:,.0f} hours"


def _escaped(match: re.Match[str]) -> str:
    point = ord(match[0])
    return f"\\u{point:04x}" if point < 1 << 16 else f"\\U{point:08x}"
