"""``hf:org/name@revision``: how a checkpoint on the hub is named. Free of torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from genzoo.errors import InvalidInput
from genzoo.spec import COMMIT, REPO

__all__ = ["PREFIX", "Reference", "is_reference"]

PREFIX = "hf:"
REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")


def is_reference(name: str | Path) -> bool:
    """Whether a name is meant as one on the hub: ``hf:`` and a slash. ``hf:vae`` is the ``vae`` of a distribution."""
    return isinstance(name, str) and name.startswith(PREFIX) and "/" in name


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A repository on the hub, and the revision asked for: a commit, a branch, a tag, or "" for the newest."""

    repo: str
    revision: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """The reference in ``hf:org/name`` or ``hf:org/name@revision``; InvalidInput if it is none."""
        repo, at, revision = text.removeprefix(PREFIX).partition("@")
        if not is_reference(text) or not REPO.fullmatch(repo) or (at and not REVISION.fullmatch(revision)):
            raise InvalidInput(f"{text!r:.120} is no name on the hub: write hf:org/name, or hf:org/name@commit")
        return cls(repo=repo, revision=revision)

    @property
    def pinned(self) -> bool:
        """Whether it names a whole commit, which stays what it is."""
        return COMMIT.fullmatch(self.revision) is not None

    def __str__(self) -> str:
        return f"{PREFIX}{self.repo}" + (f"@{self.revision}" if self.revision else "")
