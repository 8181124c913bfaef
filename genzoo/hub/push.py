"""Publishing: the files of a checkpoint to a repository on the Hub, in one commit that is read back before it is named.

The checkpoint and its card are two commits, for a card names the commit of the checkpoint. A tag, ``v1``, ``v2``, …,
is given to each commit of a checkpoint.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from genzoo.errors import DamagedFile, HubDenied, HubNotFound, InvalidInput, Offline
from genzoo.hub.card import CARD_FILE
from genzoo.hub.failures import LOGIN
from genzoo.hub.fetch import get, head, warn_of_token
from genzoo.hub.reference import Reference
from genzoo.hub.remote import Remote, RemoteInfo
from genzoo.hub.settings import endpoint, offline, token
from genzoo.spec import RECORD_FILE, WEIGHTS_FILE

__all__ = ["Published", "publish"]

TAG = re.compile(r"v([1-9][0-9]{0,5})")
MAX_CARD = 256 << 10

Card = Callable[[str, str], str]


@dataclass(frozen=True, kw_only=True)
class Published:
    """Where a checkpoint is: its repository, the commit and the tag of it. `new` says whether it was not there yet."""

    repo: str
    commit: str
    tag: str
    new: bool

    @property
    def pin(self) -> str:
        """``hf:org/name@commit``."""
        return str(Reference(repo=self.repo, revision=self.commit))


def publish(repo: str, files: Mapping[str, bytes], card: Card, *, private: bool) -> Published:
    """Commit `files`, download the commit and compare, tag it, and write the card that names it.

    A checkpoint whose weights and record are there already, by branch and newest tag, is not committed again.

    Args:
        repo: ``org/name``, made if need be.
        files: name → bytes, without the card.
        card: called as ``card(reference, before)`` -> the text of the card, `before` being the one that is there.
        private: whether nobody else may see it.

    Raises:
        HubDenied: there is no token, or the hub does not take it.
        HubOvertaken: someone else has pushed in between.
        InvalidInput: the repository holds something else, or is public and should not be.
        DamagedFile: the hub gives other bytes back; they have no tag.
        NetworkError: the hub cannot be reached, or does not answer as a hub does.
    """
    _may_push(repo)
    remote = Remote(repo)
    info = _prepare(remote, private=private)
    at = info.commit
    before = _card_there(repo, at) if CARD_FILE in info.files else ""
    tag, commit = _newest(remote)
    new = not commit or not all(_holds(repo, place, files) for place in (commit, at))
    if new:
        tag = f"v{int(tag[1:]) + 1}" if tag else "v1"
        draft = card(str(Reference(repo=repo, revision=tag)), before).encode()
        at = commit = remote.commit({**files, CARD_FILE: draft}, f"Checkpoint {tag}", parent=at)
        _read_back(repo, commit, files)
        remote.tag(tag, commit)
    found = Published(repo=repo, commit=commit, tag=tag, new=new)
    if (text := card(found.pin, before)) != before:
        remote.commit({CARD_FILE: text.encode()}, f"Card of {tag}", parent=at)
    return found


def _may_push(repo: str) -> None:
    if offline():
        raise Offline(f"push to {repo}: genzoo is offline; leave out --offline, or unset HF_HUB_OFFLINE")
    warn_of_token(endpoint())
    if not token():
        raise HubDenied(f"cannot push to {repo}: there is no token; {LOGIN}, or set HF_TOKEN", suggestions=[LOGIN])


def _prepare(remote: Remote, *, private: bool) -> RemoteInfo:
    """What the repository is, made if there is none; InvalidInput if it is not one to push to."""
    info = remote.info(private=private)
    if private and not info.private:
        raise InvalidInput(f"{remote.repo} is public: push without --private, or make it private in its settings first")
    if RECORD_FILE not in info.files and WEIGHTS_FILE in info.files:
        raise InvalidInput(f"{remote.repo} holds a model that is not genzoo's; give another name")
    return info


def _card_there(repo: str, commit: str) -> str:
    try:
        return get(repo, commit, CARD_FILE, limit=MAX_CARD).decode()
    except UnicodeDecodeError:
        raise InvalidInput(f"the card of {repo} is not UTF-8; mend it on the hub") from None


def _newest(remote: Remote) -> tuple[str, str]:
    """The tag with the highest number and its commit, "" and "" if there is none."""
    tags = {name: commit for name, commit in remote.tags().items() if TAG.fullmatch(name)}
    return max(tags.items(), key=lambda item: int(item[0][1:]), default=("", ""))


def _holds(repo: str, commit: str, files: Mapping[str, bytes]) -> bool:
    """Whether a commit has the weights and the record of `files`."""
    return all(_etag(repo, commit, name) in _hashes(files[name]) for name in _verified(files))


def _verified(files: Mapping[str, bytes]) -> list[str]:
    """The files that are the checkpoint: the weights and the record, its own and those of its parts."""
    return [name for name in files if name.rpartition("/")[2] in (WEIGHTS_FILE, RECORD_FILE)]


def _etag(repo: str, commit: str, name: str) -> str:
    """What the hub has for a file, "" for nothing."""
    try:
        return head(repo, commit, name).etag
    except HubNotFound:
        return ""


def _hashes(data: bytes) -> tuple[str, str]:
    """The etags of a large file and of a small one: its sha256, and its hash in Git."""
    git = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
    return hashlib.sha256(data).hexdigest(), git.hexdigest()


def _read_back(repo: str, commit: str, files: Mapping[str, bytes]) -> None:
    """Download the checkpoint of a commit anew, past every cache; DamagedFile if it is not `files`."""
    for name in _verified(files):
        size = len(files[name])
        if get(repo, commit, name, limit=size, size=size) != files[name]:
            raise DamagedFile(
                f"{name} of hf:{repo}@{commit} comes back from the hub other than it was sent; push again"
            )
