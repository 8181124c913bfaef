"""What huggingface_hub raises, as errors of genzoo. Free of torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from genzoo.errors import (
    CacheUnwritable,
    GenzooError,
    HubDenied,
    HubMisbehaved,
    HubNotFound,
    HubRateLimited,
    HubUnavailable,
    Offline,
)
from genzoo.hub.cache import offline

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

__all__ = ["typed"]

LOGIN = "hf auth login"


@contextmanager
def typed(what: str) -> Iterator[None]:
    """Raise what the hub's client raises in the block as a GenzooError that names `what` was asked for.

    Offline, where the user wants no network: the client may have been imported before that was said.
    """
    if offline():
        raise Offline(f"{what}: genzoo is offline; leave out --offline, or unset HF_HUB_OFFLINE")
    try:
        yield
    except GenzooError:
        raise
    except Exception as error:
        raise _translate(_cause(error), what) from error


def _cause(error: Exception) -> Exception:
    """The failure itself, where the client says no more than that it did not find the file."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    wrapped = isinstance(error, LocalEntryNotFoundError) or type(error) is ValueError
    return error.__cause__ if wrapped and isinstance(error.__cause__, Exception) else error


def _translate(error: Exception, what: str) -> Exception:
    """The first error of the table that fits; `error` itself if none does."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # documented, whatever version it is

    if isinstance(error, HfHubHTTPError):
        return _refusal(error, what)
    hub, cause = constants.ENDPOINT, " ".join(str(error).split())[:200] or type(error).__name__
    broken = isinstance(error, httpx.HTTPError | ConnectionError | RuntimeError)  # the last two are Xet's
    unwritable = isinstance(error, OSError) and error.errno is not None
    table: list[tuple[bool, type[GenzooError], str]] = [
        (
            isinstance(error, httpx.TimeoutException),
            HubUnavailable,
            f"{hub} does not answer; try again, or see whether HF_ENDPOINT and the proxy are right",
        ),
        (broken, HubUnavailable, f"the connection to {hub} failed ({cause}); try again, or see to HF_ENDPOINT"),
        (
            unwritable,
            CacheUnwritable,
            f"cannot write to {constants.HF_HUB_CACHE}: {getattr(error, 'strerror', '')}; make room, or set HF_HOME",
        ),
        (
            isinstance(error, OSError | ValueError | httpx.InvalidURL),
            HubMisbehaved,
            f"{hub} does not answer as a hub does ({cause}); check HF_ENDPOINT",
        ),
    ]
    return next((kind(f"{what}: {text}") for fits, kind, text in table if fits), error)


def _refusal(error: HfHubHTTPError, what: str) -> GenzooError:
    """The error for an answer that is one: by what the hub calls it, else by its status."""
    from huggingface_hub import constants, errors

    hub, status = constants.ENDPOINT, error.response.status_code
    seconds = error.response.headers.get("Retry-After", "")
    when = f"in {seconds} seconds" if seconds.isdecimal() else "later"
    no_revision = isinstance(error, errors.RevisionNotFoundError)
    no_file = isinstance(error, errors.EntryNotFoundError)
    no_repo = isinstance(error, errors.RepositoryNotFoundError) and not isinstance(error, errors.GatedRepoError)
    table: list[tuple[bool, type[GenzooError], str]] = [
        (no_revision, HubNotFound, f"{hub} has the repository, and no such revision of it; leave out what is behind @"),
        (no_file, HubNotFound, f"{hub} has the repository, and no such file in it: it holds no checkpoint of genzoo"),
        (no_repo, HubNotFound, f"{hub} has no such repository, or a private one: check the name, or {LOGIN}"),
        (status in (401, 403), HubDenied, f"{hub} refuses ({status}): {LOGIN}, or ask for access there"),
        (status == 404, HubNotFound, f"{hub} has nothing there (404); check the name and HF_ENDPOINT"),
        (status == 429, HubRateLimited, f"{hub} had too many requests (429); try again {when}, or {LOGIN}"),
        (status >= 500, HubUnavailable, f"{hub} has a fault of its own ({status}); try again later"),
        (True, HubMisbehaved, f"{hub} answers with status {status}; check HF_ENDPOINT"),
    ]
    return next(kind(f"{what}: {text}") for fits, kind, text in table if fits)
