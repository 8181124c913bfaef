"""What a name, a target and a text in a record may be."""

from __future__ import annotations

import re
from collections.abc import Mapping

from genzoo.errors import InvalidInput
from genzoo.text import CONTROL

__all__ = ["COMMIT", "CONTROL", "NAME", "REPO", "ROLE", "check_exceptions", "check_name", "check_target"]

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
REPO = re.compile(r"(?!.*(?:--|\.\.|\.git$))[A-Za-z0-9][\w.-]{0,95}\b/[A-Za-z0-9][\w.-]{0,95}\b", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
ROLE = re.compile(r"[a-z][a-z0-9_]{0,63}")
TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def check_name(name: str, what: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidInput(f"{what} {name!r:.80} must be 1 to 64 of a-z, 0-9 and '-', not starting with '-'")


def check_target(target: str, where: str) -> None:
    if not TARGET.fullmatch(target):
        raise InvalidInput(f"{where} must be 'module:attribute'; got {target!r:.80}")


def check_exceptions(exceptions: Mapping[str, str], where: str) -> None:
    for law, reason in exceptions.items():
        if not reason.strip():
            raise InvalidInput(f"{where}: exceptions[{law!r:.80}] must say why the law cannot hold")
