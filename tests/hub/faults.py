"""What can be wrong with a hub, or between it and us: each fault is a `meddle` for tests.hub.server."""

from __future__ import annotations

import contextlib
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


def instead(status: int, headers: dict[str, str], write: Callable[[Handler], None]) -> Fault:
    """Answer with the headers that the hub would send (without the length) and these, and what `write` writes."""

    def fault(request: Handler) -> bool:
        def other(body: bytes, was: int = 200, given: dict[str, str] | None = None) -> None:
            del request.send
            request.send_response(status or was)
            for key, value in {**(given or {}), **headers}.items():
                request.send_header(key, value)
            request.end_headers()
            request.close_connection = True
            with contextlib.suppress(OSError):  # the other side has had enough
                write(request)

        request.send = other  # type: ignore[assignment, method-assign]
        return False

    return fault


def drip(data: bytes, every: float = 0.1) -> Callable[[Handler], None]:
    """Write `data`, a byte now and then."""

    def write(request: Handler) -> None:
        for byte in data:
            request.wfile.write(bytes([byte]))
            request.wfile.flush()
            threading.Event().wait(every)

    return write


def dripping_headers(request: Handler) -> bool:
    """Answer with headers that come a byte now and then."""
    request.close_connection = True
    with contextlib.suppress(OSError):
        drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 9999)(request)
    return True


def early_hints(request: Handler) -> bool:
    """Announce an answer without end, and never give it."""
    request.close_connection = True
    with contextlib.suppress(OSError):
        for _ in range(1 << 20):
            request.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)
    return True


def forever(data: bytes) -> Callable[[Handler], None]:
    """Write `data` again and again, up to 4 GiB in chunks."""
    block = data * max(1, (1 << 20) // len(data))

    def write(request: Handler) -> None:
        for _ in range(1 << 12):
            request.wfile.write(b"%x\r\n" % len(block) + block + b"\r\n")

    return write


CHUNKED = {"Transfer-Encoding": "chunked"}


def endless(status: int = 0, data: bytes = b"\0") -> Fault:
    """Send `data` until the other side has enough."""
    return instead(status, CHUNKED, forever(data))


def after(honest: int, fault: Fault) -> Fault:
    """`fault` for every request but the first few."""
    left = [honest]

    def chosen(request: Handler) -> bool:
        left[0] -= 1
        return left[0] < 0 and fault(request)

    return chosen


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
