"""One request to the hub: bounded in bytes and in time as a whole, and the token goes to the hub alone. Free of torch.

The requests go through the session of huggingface_hub, so that proxies, certificates and what a program has set with
``set_client_factory`` hold for genzoo too. Its own functions are not used: they read answers of any length, wait for as
long as a hub says, and send the token where a hub says.
"""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from genzoo import __version__
from genzoo.errors import HubMisbehaved, InvalidInput, MissingDependency
from genzoo.hub.failures import no_hub, refusal, typed
from genzoo.hub.settings import constants, endpoint, origin, plain, seconds, shown_endpoint, token

__all__ = ["COMMIT_HEADER", "MAX_ANSWER", "Deadline", "Reply", "ask", "ask_json"]

MAX_ANSWER = 2 << 20
"""Bytes of an answer in JSON; 2 MiB of it take up to 100 MB as Python objects."""
MAX_REDIRECTS = 5
PATIENCE = 3
"""Times HF_HUB_ETAG_TIMEOUT that an exchange may take, without its bytes."""
SLOWEST = 32 << 10
"""Bytes per second that a transfer must reach."""
COMMIT_HEADER = "X-Repo-Commit"
HUBS = (("https", "huggingface.co", 443), ("https", "hf.co", 443))
SOCKS = "pip install socksio"
PROXIES = "ALL_PROXY, HTTPS_PROXY, HTTP_PROXY"


class Deadline:
    """The seconds that an exchange has left: as a whole, and for the next read or write.

    A socket asks for them before each read (``settimeout`` takes an integer by its ``__index__``), so that neither a
    silent hub nor one that sends a byte now and then, in headers or in bodies, can hold us for longer.
    """

    def __init__(self, silence: float, size: int = 0) -> None:
        """`silence`: seconds without a byte. `size`: bytes of a file that is sent or received."""
        self.silence = silence
        self.end = time.monotonic() + PATIENCE * seconds("HF_HUB_ETAG_TIMEOUT") + size / SLOWEST

    @property
    def left(self) -> float:
        """The seconds left to the whole; negative when it is past."""
        return self.end - time.monotonic()

    def __index__(self) -> int:
        if (left := self.left) <= 0:
            raise TimeoutError("the answer takes too long")
        return math.ceil(min(self.silence, left))


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer whose body has not been read yet.

    `headers` are its own; `told` those in which the hub tells of a file, which may be a redirect to where it is stored.
    """

    what: str
    response: Any
    told: Mapping[str, str]

    @property
    def status(self) -> int:
        return int(self.response.status_code)

    @property
    def headers(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.response.headers
        return found

    def chunks(self, limit: int) -> Iterator[bytes]:
        """The body as it comes; HubMisbehaved where it has more than `limit` bytes, or is compressed."""
        if self.headers.get("Content-Encoding", "identity") != "identity":
            raise HubMisbehaved(f"{self.what}: {shown_endpoint()} answers compressed, unasked; check HF_ENDPOINT")
        left = limit
        for chunk in self.response.iter_raw():
            left -= len(chunk)
            if left < 0:
                raise HubMisbehaved(
                    f"{self.what}: {shown_endpoint()} sends more than the {limit:,} bytes allowed; check HF_ENDPOINT"
                )
            yield chunk

    def json(self) -> Any:
        """The body as JSON, of at most `MAX_ANSWER` bytes; ValueError, RecursionError if it is none."""
        return json.loads(b"".join(self.chunks(MAX_ANSWER)))


@contextmanager
def ask(
    method: str,
    url: str,
    *,
    what: str,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    deadline: Deadline | None = None,
) -> Iterator[Reply]:
    """Send a request once and give the answer, if it is one of success. Redirects of GET and HEAD are followed.

    Args:
        method: of HTTP.
        url: where to; the token goes along if that is at the hub's own scheme, host and port.
        what: is asked for, for messages.
        headers: beside those of every request.
        content: the body.
        deadline: for all of it; without it, one for answers that are no files.

    Raises:
        NetworkError, HubNotFound: there is no such answer, or not in time; also from within the block.
        InvalidInput, MissingDependency: the user's settings do not allow a request.
    """
    if deadline is None:
        wait = seconds("HF_HUB_ETAG_TIMEOUT")
        deadline = Deadline(wait if content is None else PATIENCE * wait, len(content or b""))
    with typed(what):
        session = _session()
        reply = _follow(session, method, url, what, dict(headers or {}), content, deadline)
        try:
            if reply.status >= 300:
                raise refusal(reply.status, reply.headers, what)
            yield reply
        finally:
            reply.response.close()


def ask_json(method: str, path: str, *, what: str, data: Any = None, content: bytes | None = None) -> Any:
    """The JSON in the answer to a request with the JSON `data`, or with `content`; raises as `ask` does.

    `path` is that of a URL, and begins with a slash.
    """
    headers = {"Content-Type": "application/x-ndjson"}
    if data is not None:
        content, headers = json.dumps(data).encode(), {"Content-Type": "application/json"}
    with ask(method, endpoint() + path, what=what, headers=headers if content else {}, content=content) as reply:
        return reply.json()


def _session() -> Any:
    """The session of huggingface_hub; what cannot be used in the environment is named."""
    from huggingface_hub import get_session
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # documented, whatever version it is

    try:
        return get_session()
    except ImportError:
        raise MissingDependency(
            f"a proxy in the environment ({PROXIES}) speaks SOCKS, which needs socksio; try: {SOCKS}",
            suggestions=[SOCKS],
        ) from None
    except OSError as error:
        names = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
        told = f"{names[0]}={os.environ[names[0]]}" if names else "the system's store of certificates"
        raise InvalidInput(f"{told} cannot be read as certificates: {error.strerror or plain(str(error))}") from None
    except (ValueError, httpx.InvalidURL) as error:
        raise InvalidInput(f"a proxy in the environment ({PROXIES}) cannot be used: {plain(str(error))}") from None


def _follow(
    session: Any, method: str, url: str, what: str, headers: dict[str, str], content: bytes | None, deadline: Deadline
) -> Reply:
    """The answer to a request behind its redirects."""
    told: Mapping[str, str] = {}
    for _ in range(MAX_REDIRECTS + 1):
        request = session.build_request(
            method,
            url,
            headers={**_headers(url), **headers},
            content=content,
            extensions={"timeout": {**dict.fromkeys(("connect", "read", "write"), deadline), "pool": deadline.silence}},
        )
        response = session.send(request, stream=True, follow_redirects=False)
        told = response.headers if COMMIT_HEADER in response.headers or not told else told
        reply = Reply(what=what, response=response, told=told)
        if method not in ("GET", "HEAD") or not response.has_redirect_location:
            return reply
        target = urljoin(url, response.headers["Location"])
        elsewhere = origin(target) != origin(url)
        if elsewhere and COMMIT_HEADER in told and method == "HEAD":
            return reply
        response.close()
        if elsewhere and COMMIT_HEADER not in told and origin(target) not in HUBS:
            raise no_hub(what)
        if origin(url)[0] == "https" != origin(target)[0]:
            raise ValueError(f"it redirects to {plain(target)}, in clear text")
        url = target
    raise ValueError("it redirects without end")


def _headers(url: str) -> dict[str, str]:
    """Those of every request to a URL."""
    from huggingface_hub import __version__ as theirs

    agent = [f"genzoo/{__version__}", f"hf_hub/{theirs}", f"python/{platform.python_version()}"]
    if marked := constants().HF_HUB_USER_AGENT_ORIGIN:
        agent.append(f"origin/{marked}")
    headers = {"User-Agent": "; ".join(agent), "Accept-Encoding": "identity"}
    if origin(url) == origin(endpoint()) and (known := token()):
        headers["Authorization"] = f"Bearer {known}"
    return headers
