"""Pictures in files, read as they are needed, whatever is wrong with some of them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from jaxtyping import Int, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from genzoo.errors import GenzooWarning, InvalidInput, NotFound

__all__ = ["NAMED", "Files"]

NAMED = 5
"""How many of a set's unreadable files are told by name."""

Sample = tuple[Tensor, str]
"""A picture, and what was wrong with the file it should have come from: "" for nothing."""


class Files(Dataset[Sample]):
    """The picture of each file. In place of one that cannot be read comes the next that can, with a complaint.

    A run of hours must not end for one broken file. Files are read in other processes, so complaints travel with the
    pictures, and `heed` says each once in a process, whatever sets the file is in, and of a set no more than NAMED:
    `replaced` has the number. `kinds`, a number for each file, are what a picture should have in common with the one
    that it takes the place of: labels, say.
    """

    told: ClassVar[set[str]] = set()

    def __init__(
        self,
        paths: Sequence[Path],
        read: Callable[[Path], UInt8[Tensor, "c h w"]],
        kinds: Int[Tensor, " n"] | None = None,
    ) -> None:
        self.paths = paths
        self.read = read
        self.kinds = kinds
        self.complaints: set[str] = set()

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        complaint = ""
        for place in self._places(index):
            try:
                return self.read(self.paths[place]), complaint
            except (InvalidInput, NotFound) as error:
                complaint = complaint or error.message
        raise InvalidInput(f"no picture can be read any more; {complaint}")

    def _places(self, index: int) -> Iterator[int]:
        """The file at `index`, then those that may take its place: the next ones of its kind, then the other ones."""
        yield index
        others = [(index + step) % len(self.paths) for step in range(1, len(self.paths))]
        if self.kinds is not None:
            kinds: list[int] = self.kinds.tolist()
            others.sort(key=lambda place: kinds[place] != kinds[index])
        yield from others

    @property
    def replaced(self) -> int:
        """How many files could not be read so far."""
        return len(self.complaints)

    def names(self) -> list[str]:
        """The files, as seen from the folder that holds them all."""
        folder = os.path.commonpath([path.parent for path in self.paths])
        return [path.relative_to(folder).as_posix() for path in self.paths]

    def heed(self, pictures: Tensor, complaints: Sequence[str]) -> Tensor:
        """The pictures of a batch; a warning for each new complaint."""
        self.complaints.update(set(complaints) - {""})
        for complaint in sorted(self.complaints - self.told):
            self.told.add(complaint)
            if len(self.complaints & self.told) <= NAMED:
                warnings.warn(f"{complaint}; another picture takes its place", GenzooWarning, stacklevel=2)
        return pictures
