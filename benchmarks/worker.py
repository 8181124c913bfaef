"""A peer's process (peers.py), seen from the benchmark: a round asked for, its seconds answered."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Worker"]

LOG_LINES = 15


class Worker:
    """Starts `python` on peers.py in a temporary folder, which gets all that the peer writes.

    Args:
        python: of the peers' environment.
        task: ``name`` and ``config`` as genzoo.create takes them, ``steps`` of an epoch, ``learning_rate``,
            ``keep_memory``.

    Attributes:
        name: the peer's name and versions.
    """

    def __init__(self, python: Path, task: dict[str, Any]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._log = Path(self._folder.name, "log")
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [python.absolute(), Path(__file__).with_name("peers.py"), json.dumps(task)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self._folder.name,
            )
        self.name = self._answer()

    def seconds(self) -> float:
        """Those of one round."""
        assert self._process.stdin is not None
        self._process.stdin.write("round\n")
        self._process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            end = "\n".join(self._log.read_text().splitlines()[-LOG_LINES:])
            raise SystemExit(f"peers.py ended with {self._process.wait()}:\n{end}")
        return line.strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()  # between rounds it holds nothing; in one, nothing that is wanted
        self._process.wait()
        self._folder.cleanup()
