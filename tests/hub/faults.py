"""What can be wrong with a hub, or between it and us: each fault is a `meddle` for tests.hub.server."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.hub.server import Handler

Fault = Callable[[Handler], bool]
"""Sees a request before the hub does; True if it has dealt with it."""

FOREVER = 30.0  # seconds, much longer than any timeout of a test


def answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Fault:
    """Answer so whatever is asked."""

    def fault(request: Handler) -> bool:
        request.send(body, status, headers)
        return True

    return fault


def changed(headers: dict[str, str] | None = None, data: Callable[[bytes], bytes] = bytes) -> Fault:
    """Change headers and bytes of the hub's answer."""

    def fault(request: Handler) -> bool:
        def meddled(body: bytes, status: int = 200, given: dict[str, str] | None = None) -> None:
            del request.send  # the next request on this connection is answered as ever
            request.send(data(body), status, {**(given or {}), **(headers or {})})

        request.send = meddled  # type: ignore[assignment, method-assign]
        return False

    return fault


def silent(request: Handler) -> bool:
    """Take the request and never answer."""
    request.close_connection = True
    return threading.Event().wait(FOREVER) or True


def part(then: Callable[[Handler], bool]) -> Fault:
    """Send half of the bytes, and `then` …"""

    def fault(request: Handler) -> bool:
        def half(body: bytes, status: int = 200, given: dict[str, str] | None = None) -> None:
            del request.send
            request.send_response(status)
            for key, value in {"Content-Length": str(len(body)), **(given or {})}.items():
                request.send_header(key, value)
            request.end_headers()
            request.wfile.write(body[: len(body) // 2])
            request.wfile.flush()
            then(request)

        request.send = half  # type: ignore[assignment, method-assign]
        return False

    return fault


def hang_up(request: Handler) -> bool:
    """Close the connection."""
    request.close_connection = True
    return True


def endless(request: Handler) -> bool:
    """Send zeros until the other side has enough."""
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    try:
        for _ in range(1 << 10):
            request.wfile.write(chunk)
    except OSError:
        request.close_connection = True
    return True


def on(method: str, fault: Fault, *, of: str = "", times: int = 1 << 30) -> Fault:
    """`fault` for requests of a method, for paths that end in `of`, and the first few times alone."""
    left = [times]

    def chosen(request: Handler) -> bool:
        if request.command != method or not request.path.endswith(of) or not left[0]:
            return False
        left[0] -= 1
        return fault(request)

    return chosen


def flip(data: bytes) -> bytes:
    """`data` with one bit changed."""
    return data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]
