"""A law and what it is put to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from genzoo.errors import NetworkError

__all__ = ["Case"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A law on a subject. `reason` is why the law cannot hold, where a record says so."""

    law: Callable[..., None]
    subject: str
    arguments: Callable[[], tuple[Any, ...]]
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.subject}-{self.law.__name__}"

    @property
    def reason(self) -> str:
        return self.exceptions.get(self.law.__name__, "")

    def check(self) -> None:
        """AssertionError with the law, the subject and the figure if the law does not hold."""
        try:
            self.law(*self.arguments())
        except NetworkError:
            raise  # the law could not be put to the test
        except Exception as error:  # whatever third-party code raises, it is not what the law says
            figure = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            raise AssertionError(
                f"the law {self.law.__name__} does not hold for {self.subject}: {figure}. "
                f"The law: {' '.join((self.law.__doc__ or '').split())}"
            ) from error
