"""What goes wrong between the hub and us, as errors of genzoo. Free of torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from genzoo.errors import (
    GenzooError,
    HubDenied,
    HubMisbehaved,
    HubNotFound,
    HubOvertaken,
    HubRateLimited,
    HubUnavailable,
    Offline,
)
from genzoo.hub.settings import offline, plain, shown_endpoint

__all__ = ["LOGIN", "no_hub", "refusal", "typed"]

LOGIN = "hf auth login"


@contextmanager
def typed(what: str) -> Iterator[None]:
    """Raise what an HTTP client raises in the block as a GenzooError that names `what` was asked for.

    Offline, where the user wants no network: the client may have been imported before that was said.
    """
    if offline():
        raise Offline(f"{what}: genzoo is offline; leave out --offline, or unset HF_HUB_OFFLINE")
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # documented, whatever version it is

    hub = shown_endpoint()
    try:
        yield
    except GenzooError:
        raise
    except httpx.TimeoutException:
        raise HubUnavailable(
            f"{what}: {hub} does not answer in time; try again, or check HF_ENDPOINT and the proxy"
        ) from None
    except httpx.HTTPError as error:
        raise HubUnavailable(
            f"{what}: the connection to {hub} failed ({_cause(error)}); try again, or check HF_ENDPOINT"
        ) from None
    except (ValueError, RecursionError, httpx.InvalidURL) as error:
        raise HubMisbehaved(
            f"{what}: {hub} does not answer as a hub does ({_cause(error)}); check HF_ENDPOINT"
        ) from None


def _cause(error: Exception) -> str:
    return plain(str(error)) or type(error).__name__


def no_hub(what: str) -> HubMisbehaved:
    """The error for an answer without what every hub says."""
    return HubMisbehaved(
        f"{what}: what answers at {shown_endpoint()} is no hub; check HF_ENDPOINT, or open a browser and log in to the "
        "network"
    )


def refusal(status: int, headers: Mapping[str, str], what: str) -> GenzooError:
    """The error for an answer that is one: by what the hub calls it, else by its status. Its body is not read."""
    hub, code = shown_endpoint(), headers.get("X-Error-Code", "")
    seconds = headers.get("Retry-After", "")
    when = f"in {seconds} seconds" if seconds.isdecimal() and len(seconds) < 7 else "later"
    said = plain(headers.get("X-Error-Message", ""))
    table: list[tuple[bool, type[GenzooError], str]] = [
        (
            code == "RevisionNotFound",
            HubNotFound,
            f"{hub} has the repository, and no such revision of it; leave out what is behind @",
        ),
        (
            code == "EntryNotFound",
            HubNotFound,
            f"{hub} has the repository, and no such file in it: it holds no checkpoint of genzoo",
        ),
        (
            code == "RepoNotFound",
            HubNotFound,
            f"{hub} has no such repository, or a private one: check the name, or {LOGIN}",
        ),
        (status in (401, 403), HubDenied, f"{hub} refuses ({status}): {LOGIN}, or ask for access there"),
        (status == 404, HubNotFound, f"{hub} has nothing there (404); check the name and HF_ENDPOINT"),
        (
            status in (409, 412),
            HubOvertaken,
            "someone else has pushed in between, and theirs stays; look at it, then push again",
        ),
        (status == 429, HubRateLimited, f"{hub} had too many requests (429); try again {when}, or {LOGIN}"),
        (status >= 500, HubUnavailable, f"{hub} has a fault of its own ({status}); try again later"),
        (True, HubMisbehaved, f"{hub} answers with status {status}{said and f' ({said})'}; check HF_ENDPOINT"),
    ]
    return next(kind(f"{what}: {text}") for fits, kind, text in table if fits)
