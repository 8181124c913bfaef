"""What is below a folder of pictures: which files are read, their labels and texts, and what is held out."""

from __future__ import annotations

import os
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from unicodedata import normalize

from genzoo.datasets.files import NAMED
from genzoo.datasets.images import MAX_PIXELS, Header, read_header, suffixes
from genzoo.datasets.metadata import METADATA, Line, key_of, read_metadata
from genzoo.errors import InvalidInput, NotFound
from genzoo.spec import Column, Space
from genzoo.text import CONTROL, words

__all__ = ["FEWEST", "HELD_OUT", "Contents", "counted"]

NOT_READ = re.compile(
    r"\.(arw|cr2|cr3|cur|dds|dng|emf|eps|exr|hdr|hei[cf]|icns|ico|jxl|jxr|nef|orf|psd|qoi|raf|raw|rw2|svg|tga|wmf|x[bp]m|xcf)"
)
"""The endings of pictures that are not read, so that the user is told. What is no picture by its name is ignored."""

HELD_OUT = 10
"""One picture in so many is held out."""
FEWEST = 20
"""Of fewer pictures than these none is held out."""

MAX_WORDS = 64
MAX_VOCABULARY = 8192
"""The most words of a text, which is cut behind them, and the most different ones, of which the commonest are taken."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The pictures below a folder, by their names from there, which are sorted.

    Attributes:
        headers: what each picture is.
        held_out: those of the split ``test``; if there are none, every picture is in ``train``, and there is no other
            split.
        labels: of every picture or of none.
        texts: the words of each picture's text; empty if there are no texts.
        told: what is left out, in sentences.
    """

    headers: Mapping[str, Header]
    held_out: frozenset[str]
    labels: Mapping[str, str]
    texts: Mapping[str, Sequence[str]]
    told: Sequence[str]

    @classmethod
    def of(cls, root: Path) -> Contents:
        """Those of a folder; see genzoo.datasets.folder.survey for what is read and how it is split.

        Raises:
            NotFound: no such folder, or no image in it.
            InvalidInput: no image that can be read, or metadata that cannot be used.
        """
        if not root.is_dir():
            raise NotFound(f"{root} is not a folder; give that of your images, as folder:PATH or with --data-root DIR")
        told: list[str] = []
        files, folders = _walk(root, told)
        headers, bad = _headers(root, files, told)
        names, folds = _folds(root, sorted(headers), told)
        lines = _metadata(root, names, bad, files, told)
        if lines is not None:
            names = _those(root, names, lines, "no line in the metadata", told)
            labels = {name: label for name in names if (label := lines[name].label) is not None}
            if labels:
                names = _those(root, names, labels, "no label in the metadata", told)
        else:
            labels = {}
        if not labels:
            labels = _of_subfolders(root, names, folders, bool(folds), told)
        held_out = frozenset(name for name in names if folds[name] == "test") if folds else _held_out(names, labels)
        if not len(held_out) < len(names):
            raise InvalidInput(f"{root} has no picture to learn from: {'; '.join(told)}")
        return cls(
            headers={name: headers[name] for name in names},
            held_out=held_out,
            labels=labels,
            texts=_texts(root, names, lines or {}, told),
            told=told,
        )

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train", "test", "all") if self.held_out else ("train",)

    def names(self, split: str) -> list[str]:
        """The pictures of a split."""
        if split == "all":
            return list(self.headers)
        return [name for name in self.headers if (name in self.held_out) == (split == "test")]

    def columns(self) -> dict[str, Column]:
        """What is known of each picture."""
        columns = {}
        if self.labels:
            columns["label"] = Column.of(sorted(set(self.labels.values()), key=_place), doc="what it shows")
        if self.texts:
            counts = Counter(word for text in self.texts.values() for word in text)
            commonest = sorted(counts, key=lambda word: (-counts[word], word))[:MAX_VOCABULARY]
            space = Space(shape=(max(map(len, self.texts.values())),), values="index", size=len(commonest))
            columns["text"] = Column(space=space, names=tuple(sorted(commonest)), doc="what is said of it")
        return columns

    def indices(self, names: Sequence[str]) -> dict[str, list[int] | list[list[int]]]:
        """The columns of these pictures; the size of its alphabet stands behind the last word of a text."""
        found: dict[str, list[int] | list[list[int]]] = {}
        for key, column in self.columns().items():
            place = {name: index for index, name in enumerate(column.names)}
            if key == "label":
                found[key] = [place[self.labels[name]] for name in names]
            else:
                texts = [[place[word] for word in self.texts[name] if word in place] for name in names]
                found[key] = [text + [len(place)] * (column.space.shape[0] - len(text)) for text in texts]
        return found


def _walk(root: Path, told: list[str]) -> tuple[list[str], list[str]]:
    """All files and folders below `root` that are not hidden."""
    files, folders, closed = [], [], []
    seen = set()
    walk = os.walk(root, followlinks=True, onerror=lambda error: closed.append(_name(root, error.filename)))
    for place, below, names in walk:
        try:
            status = Path(place).stat()
        except OSError:  # it is gone meanwhile
            below.clear()
            continue
        identity = status.st_dev, status.st_ino
        if identity in seen:  # a link leads here again, perhaps from within
            below.clear()
            continue
        seen.add(identity)
        below[:] = sorted(name for name in below if not name.startswith("."))
        here = "" if place == os.fspath(root) else f"{_name(root, place)}/"
        folders += [f"{here}{name}" for name in below]
        files += [f"{here}{name}" for name in names if not name.startswith(".")]
    if closed:
        told.append(
            f"{counted(len(closed), 'folder')} in {root} cannot be opened: {_listed(closed)}; "
            "their pictures are left out"
        )
    return files, folders


def _name(root: Path, path: str) -> str:
    return Path(path).relative_to(root).as_posix()


def _headers(root: Path, files: Sequence[str], told: list[str]) -> tuple[dict[str, Header], list[str]]:
    """What each picture is, and the files that should be pictures and cannot be read."""
    headers, bad = {}, {}
    for name in files:
        path = root / name
        suffix = path.suffix.lower()
        if NOT_READ.fullmatch(suffix):
            bad[name] = f" ({suffix[1:].upper()} is not read)"
        elif not suffix or suffix in suffixes():
            try:
                header = _header(path, *_version(path))
            except (InvalidInput, NotFound):
                if suffix:  # without an ending it need not be a picture
                    bad[name] = ""
                continue
            if header.pixels > MAX_PIXELS:
                bad[name] = f" ({header.pixels:,} pixels, more than {MAX_PIXELS:,})"
            else:
                headers[name] = header
    if bad:
        listed = _listed([f"{name}{bad[name]}" for name in sorted(bad)])
        out = f"{len(bad)} of {len(bad) + len(headers)} files in {root} cannot be read as images: {listed}"
        if not headers:
            raise InvalidInput(out)
        told.append(f"{out}; they are left out")
    if not headers:
        raise NotFound(
            f"{root} holds no images (looked for {', '.join(sorted(suffixes()))}); "
            "give the folder of your images, as folder:PATH or with --data-root DIR"
        )
    return headers, list(bad)


@lru_cache(maxsize=1 << 16)
def _header(path: Path, *version: int) -> Header:
    """As `read_header`, of this version of the file: a data set is opened several times in a run."""
    return read_header(path, (1, 1))


def _version(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _folds(root: Path, names: list[str], told: list[str]) -> tuple[list[str], dict[str, str]]:
    """The pictures, and the folder of each that is a split, if ``train`` and ``test`` are there."""
    folds = {name: top for name in names for top, slash, _ in [name.partition("/")] if top in ("train", "test")}
    folds = {name: top for name, top in folds.items() if name != top}  # a file without an ending
    if set(folds.values()) != {"train", "test"}:
        return names, {}
    outside = [name for name in names if name not in folds]
    if outside:
        told.append(_left_out(root, outside, "outside the folders train and test"))
    return [name for name in names if name in folds], folds


def _those(root: Path, names: list[str], having: Collection[str], what: str, told: list[str]) -> list[str]:
    """The names that are among `having`; `what` the others have is told."""
    if without := [name for name in names if name not in having]:
        told.append(_left_out(root, without, f"with {what}"))
    return [name for name in names if name in having]


def _left_out(root: Path, names: Sequence[str], which: str) -> str:
    return f"{counted(len(names), 'picture')} in {root} {which}: {_listed(names)}; {_they(len(names))} left out"


def _metadata(
    root: Path, names: Sequence[str], bad: Sequence[str], files: Sequence[str], told: list[str]
) -> dict[str, Line] | None:
    """The line of each picture that has one, in the metadata nearest to it; None if there is no metadata."""
    sheets = sorted((name for name in files if posixpath.basename(name) in METADATA), key=lambda name: name.count("/"))
    if twice := [folder for folder, n in Counter(map(posixpath.dirname, sheets)).items() if n > 1]:
        raise InvalidInput(f"{root / twice[0]} has {' and '.join(METADATA)}: keep one of them")
    known, unread = {key_of(name): name for name in names}, set(map(key_of, bad))
    found: dict[str, Line] = {}
    for sheet in sheets:
        metadata = read_metadata(root / sheet, posixpath.dirname(sheet), known, unread)
        found |= metadata.lines
        if count := metadata.unusable:
            reasons = _listed(metadata.reasons, count)
            told.append(
                f"{counted(count, 'line')} of {root / sheet} cannot be used: {reasons}; {_they(count)} left out"
            )
    if sheets and not found:
        why = f": {told[-1]}" if told else ""
        raise InvalidInput(
            f"no line of {root / sheets[0]} names a picture below {root}, as file_name should{why}. If it says nothing "
            "of the pictures, give it another name"
        )
    return found if sheets else None


def _of_subfolders(
    root: Path, names: Sequence[str], folders: Sequence[str], split: bool, told: list[str]
) -> dict[str, str]:
    """The subfolder that each picture is in, as its label, if that tells two or more classes apart."""
    depth = 1 if split else 0  # below train and test
    parts = {name: name.split("/")[depth:] for name in names}
    labels = {name: normalize("NFC", rest[0]) for name, rest in parts.items() if len(rest) > 1}
    classes = sorted(set(labels.values()))
    if len(classes) < 2:
        return {}
    if beside := [name for name in names if name not in labels]:
        lie = "lies" if len(beside) == 1 else "lie"
        told.append(
            f"{counted(len(beside), 'picture')} in {root} {lie} beside the folders {_listed(classes)}: "
            f"{_listed(beside)}; so no picture has a label"
        )
        return {}
    if unfit := [name for name in classes if CONTROL.search(name)]:
        told.append(f"the name of a folder in {root} cannot be a label: {unfit[0]!r:.80}; so no picture has one")
        return {}
    of_classes = {name.split("/")[depth] for name in folders if name.count("/") == depth}
    empty = sorted(of_classes - {rest[0] for rest in parts.values()})
    if empty:
        no = "it is no class" if len(empty) == 1 else "they are no classes"
        told.append(f"{counted(len(empty), 'folder')} in {root} without a picture: {_listed(empty)}; {no}")
    return labels


def _held_out(names: Sequence[str], labels: Mapping[str, str]) -> frozenset[str]:
    """The tenth whose names, in whatever form a file system has them, have a hash that ends in 0; of a class never
    all."""
    if len(names) < FEWEST:
        return frozenset()
    classes = defaultdict(list)
    for name in names:
        classes[labels.get(name, "")].append(name)
    chosen: set[str] = set()
    for members in classes.values():
        drawn = {name for name in members if _lot(name) % HELD_OUT == 0}
        chosen |= drawn if len(drawn) < len(members) else set()
    return frozenset(chosen)


def _lot(name: str) -> int:
    """A number of a name, the same on every machine."""
    return int.from_bytes(blake2b(key_of(name).encode(errors="surrogateescape"), digest_size=8).digest(), "big")


def _texts(root: Path, names: Sequence[str], lines: Mapping[str, Line], told: list[str]) -> dict[str, list[str]]:
    """The words of each text; empty if no picture has any."""
    texts = {name: words(lines[name].text) for name in names} if lines else {}
    if long := [name for name, text in texts.items() if len(text) > MAX_WORDS]:
        told.append(
            f"{counted(len(long), 'text')} of more than {MAX_WORDS} words in the metadata of {root}: "
            f"{_they(len(long))} cut there"
        )
    return {name: text[:MAX_WORDS] for name, text in texts.items()} if any(texts.values()) else {}


def _place(label: str) -> tuple[bool, int, str]:
    """Where a label stands among others: numbers come first, in their order."""
    number = bool(re.fullmatch(r"-?[0-9]{1,18}", label))
    return not number, int(label) if number else 0, label


def counted(count: int, noun: str) -> str:
    """``1 picture``, ``2 pictures``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _they(count: int) -> str:
    return "it is" if count == 1 else "they are"


def _listed(names: Sequence[str], count: int = 0) -> str:
    """The first of so many names."""
    others = (count or len(names)) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {others:,} more" if others > 0 else "")
