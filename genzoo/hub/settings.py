"""What the user has set for the hub: its address, timeouts, the token, whether there is a network. Free of torch.

The settings are those of huggingface_hub, which reads most of them once, at import, and some without checking them.
"""

from __future__ import annotations

import math
import os
import re
from functools import cache
from types import ModuleType
from urllib.parse import SplitResult, urlsplit

from genzoo.errors import InvalidInput

__all__ = ["constants", "endpoint", "offline", "origin", "plain", "seconds", "shown_endpoint", "token"]

MOST_SECONDS = 86_400
SECONDS = ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT")
HOST = re.compile(r"[\w.:-]+")
DEFAULT_PORTS = {"http": 80, "https": 443}
CREDENTIALS = re.compile(r"(?<=//).*@", re.DOTALL)


def constants() -> ModuleType:
    """The constants of huggingface_hub; InvalidInput names the variable that it cannot read."""
    try:
        from huggingface_hub import constants
    except ValueError:
        for name in SECONDS:
            if not re.fullmatch(r"\s*[+-]?[0-9]+\s*", value := os.environ.get(name, "0")):
                raise _no_seconds(name, value) from None
        _checked(os.environ.get("HF_ENDPOINT", ""))
        raise
    return constants


def seconds(name: str) -> int:
    """``HF_HUB_ETAG_TIMEOUT`` or ``HF_HUB_DOWNLOAD_TIMEOUT``; InvalidInput if nothing can be done in so long."""
    found: float = getattr(constants(), name)
    if not 0 < found <= MOST_SECONDS:
        raise _no_seconds(name, found)
    return math.ceil(found)


def _no_seconds(name: str, value: object) -> InvalidInput:
    return InvalidInput(f"{name}={value!s:.40} must be a whole number of seconds, from 1 to {MOST_SECONDS:,}")


def endpoint() -> str:
    """The address of the hub, without a slash at its end; InvalidInput if it can be none."""
    return _checked(constants().ENDPOINT)


@cache
def _checked(address: str) -> str:
    try:
        url = urlsplit(address)
        sound = url.scheme in DEFAULT_PORTS and url.port != 0 and HOST.fullmatch(url.hostname or "")
    except ValueError:  # of the port, of brackets
        sound = None
    if not sound or url.query or url.fragment or not address.isprintable():
        raise InvalidInput(
            f"HF_ENDPOINT={plain(address)!r:.120} is not the address of a hub; write https://HOST[:PORT]"
        )
    return address


def shown_endpoint() -> str:
    """The address of the hub for messages: without the user and the password that it may have."""
    return plain(constants().ENDPOINT)


def plain(text: str) -> str:
    """`text` on one line for a message, without control characters and without the credentials of URLs."""
    line = " ".join(CREDENTIALS.sub("", text).split())
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:200]


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL; ValueError if it has none of ``http`` and ``https``."""
    parts: SplitResult = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{plain(url)!r} is not a web address")
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme]


def offline() -> bool:
    """Whether the user wants no network: ``genzoo --offline``, or ``HF_HUB_OFFLINE=1``."""
    known = constants()
    return bool(known.HF_HUB_OFFLINE) or os.environ.get("HF_HUB_OFFLINE", "").upper() in known.ENV_VARS_TRUE_VALUES


def token() -> str:
    """The user's token for the hub, "" if there is none or it is not to be sent unasked.

    Raises:
        InvalidInput: it cannot be sent in a header.
    """
    from huggingface_hub import get_token

    found = "" if constants().HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token() or ""
    if not re.fullmatch(r"[!-~]*", found):
        raise InvalidInput(
            "the token for the hub (HF_TOKEN, or that of hf auth login) has characters that no token has; copy it again"
        )
    return found
