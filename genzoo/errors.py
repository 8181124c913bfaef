"""Every error genzoo raises on purpose, with its exit code on the command line.

    GenzooError                              1  an internal error
    ├── InvalidInput      (ValueError)       2  a value, recipe key, image or option that cannot be used
    │   ├── OutputExists                     2  the output is there already
    │   ├── CacheUnwritable                  2  the cache of the hub's files is full or read-only
    │   └── UnsupportedVerb (AttributeError) 2  a verb this model does not have
    ├── NotFound          (LookupError)      3  no such name, file or data set
    │   ├── AmbiguousName                    3  two distributions offer this name
    │   └── HubNotFound                      3  the hub has no such repository, revision or file
    ├── NetworkError      (ConnectionError)  4  a download failed, or there is no network
    │   ├── Offline                          4  it is not on this machine, and genzoo is to stay offline
    │   ├── HubUnavailable                   4  the hub cannot be reached, or has a fault of its own
    │   ├── HubDenied                        4  the hub wants a token, or another one
    │   ├── HubRateLimited                   4  the hub wants fewer requests
    │   ├── HubOvertaken                     4  someone else has pushed in between
    │   └── HubMisbehaved                    4  what answers does not answer as a hub does
    ├── IntegrityError                       5  the bytes are not the recorded ones, or not weights
    │   ├── DamagedFile                      5  size or sha256 differ from the record
    │   ├── MalformedWeights                 5  not a safetensors file we accept
    │   ├── StateMismatch                    5  keys, shapes or dtypes are not the architecture's
    │   └── NonFiniteWeights                 5  NaN or infinity in a tensor
    ├── MissingDependency (ImportError)      6  an optional part is not installed
    ├── PluginError                          1  a plugin broke its contract
    ├── TrainingDiverged  (ArithmeticError)  1  a loss became NaN or infinite
    ├── ProcessLost       (ConnectionError)  1  another process of a training run is gone
    └── VerificationFailed                   7  a number is not the recorded one

A message says what is wrong, where, and what to type next. `suggestions` holds the things to type, for programs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import ClassVar

from genzoo.text import one_line, printable

__all__ = [
    "AmbiguousName",
    "CacheUnwritable",
    "DamagedFile",
    "GenzooError",
    "GenzooWarning",
    "HubDenied",
    "HubMisbehaved",
    "HubNotFound",
    "HubOvertaken",
    "HubRateLimited",
    "HubUnavailable",
    "IntegrityError",
    "InvalidInput",
    "MalformedWeights",
    "MissingDependency",
    "NetworkError",
    "NonFiniteWeights",
    "NotFound",
    "Offline",
    "OutputExists",
    "PluginError",
    "ProcessLost",
    "StateMismatch",
    "TrainingDiverged",
    "UnsupportedVerb",
    "VerificationFailed",
]


class GenzooError(Exception):
    """Base of all errors genzoo raises on purpose. As a string it is safe to print, whatever is in `message`."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, suggestions: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.suggestions = tuple(suggestions)

    def __str__(self) -> str:
        return printable(self.message)


class InvalidInput(GenzooError, ValueError):
    """A value, recipe key, image or option that cannot be used."""

    code = "invalid"
    exit_code = 2


class OutputExists(InvalidInput):
    """The output is there already."""

    code = "exists"


class CacheUnwritable(InvalidInput):
    """The cache of the hub's files is full or read-only."""

    code = "cache"


class UnsupportedVerb(InvalidInput, AttributeError):
    """A verb that this model does not have."""

    code = "unsupported"


class NotFound(GenzooError, LookupError):
    """No such name, file or data set."""

    code = "not-found"
    exit_code = 3


class AmbiguousName(NotFound):
    """Two distributions offer this name."""

    code = "ambiguous"


class HubNotFound(NotFound):
    """The hub has no such repository, revision or file."""

    code = "hub-not-found"


class NetworkError(GenzooError, ConnectionError):
    """A download failed, or there is no network."""

    code = "network"
    exit_code = 4


class Offline(NetworkError):
    """It is not on this machine, and genzoo is to stay offline."""

    code = "offline"


class HubUnavailable(NetworkError):
    """The hub cannot be reached, or has a fault of its own."""

    code = "hub-unavailable"


class HubDenied(NetworkError):
    """The hub wants a token, or another one."""

    code = "hub-denied"


class HubRateLimited(NetworkError):
    """The hub wants fewer requests."""

    code = "hub-rate-limited"


class HubOvertaken(NetworkError):
    """Someone else has pushed in between."""

    code = "hub-overtaken"


class HubMisbehaved(NetworkError):
    """What answers does not answer as a hub does."""

    code = "hub-misbehaved"


class IntegrityError(GenzooError):
    """The bytes are not the recorded ones, or not weights."""

    code = "integrity"
    exit_code = 5


class DamagedFile(IntegrityError):
    """Size or sha256 differ from the record."""

    code = "damaged"


class MalformedWeights(IntegrityError):
    """Not a safetensors file, or not a record, that genzoo accepts."""

    code = "malformed"


class StateMismatch(IntegrityError):
    """Keys, shapes or dtypes are not the architecture's."""

    code = "mismatch"


class NonFiniteWeights(IntegrityError):
    """NaN or infinity in a tensor."""

    code = "non-finite"


class MissingDependency(GenzooError, ImportError):
    """An optional part is not installed."""

    code = "missing-dependency"
    exit_code = 6


class PluginError(GenzooError):
    """A plugin broke its contract."""

    code = "plugin"


class TrainingDiverged(GenzooError, ArithmeticError):
    """A loss became NaN or infinite."""

    code = "diverged"


class ProcessLost(GenzooError, ConnectionError):
    """Another process of a training run is gone."""

    code = "process-lost"


class VerificationFailed(GenzooError):
    """A number is not the recorded one."""

    code = "verification"
    exit_code = 7


class GenzooWarning(UserWarning):
    """Something was amiss, and genzoo went on. As a string it is one line that is safe to print."""

    def __str__(self) -> str:
        return one_line(super().__str__())


def closest(name: str, known: Iterable[str]) -> list[str]:
    """The at most three names of `known` nearest to `name`, nearest first."""
    return difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)


def did_you_mean(name: str, known: Iterable[str]) -> tuple[str, list[str]]:
    """A clause to append to a message (or an empty one), and the names it offers."""
    near = closest(name, known)
    return (f"; did you mean {' or '.join(near)}?" if near else "", near)
