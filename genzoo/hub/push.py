"""Publishing: the files of a checkpoint to a repository on the Hub, in one commit that is read back before it is named.

The checkpoint and its card are two commits, for a card names the commit of the checkpoint. A tag, ``v1``, ``v2``, …,
is given to each commit of a checkpoint.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from genzoo import __version__
from genzoo.errors import DamagedFile, HubDenied, HubMisbehaved, HubOvertaken, InvalidInput
from genzoo.hub.card import CARD_FILE
from genzoo.hub.failures import LOGIN, typed
from genzoo.hub.fetch import warn_of_token
from genzoo.hub.reference import Reference
from genzoo.spec import RECORD_FILE, WEIGHTS_FILE

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo

__all__ = ["Published", "publish"]

TAG = re.compile(r"v([1-9][0-9]{0,5})")
HOME = "https://huggingface.co"
VERIFIED = (WEIGHTS_FILE, RECORD_FILE)
OVERTAKEN = (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT)  # of the branch, of a tag

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
    with _pushing(repo), _plain_uploads():
        api = _api(repo)
        head = _prepare(api, repo, private=private)
        before = _card_there(api, repo, head)
        tag, commit = _newest(api, repo)
        new = not commit or not all(_holds(api, repo, place, files) for place in (commit, head))
        if new:
            tag = f"v{int(tag[1:]) + 1}" if tag else "v1"
            draft = card(str(Reference(repo=repo, revision=tag)), before).encode()
            head = commit = _commit(api, repo, {**files, CARD_FILE: draft}, f"Checkpoint {tag}", parent=head)
            _read_back(api, repo, commit, files)
            api.create_tag(repo, tag=tag, revision=commit)
        found = Published(repo=repo, commit=commit, tag=tag, new=new)
        if (text := card(found.pin, before)) != before:
            _commit(api, repo, {CARD_FILE: text.encode()}, f"Card of {tag}", parent=head)
        return found


def _api(repo: str) -> HfApi:
    from huggingface_hub import HfApi, constants, get_token

    warn_of_token(constants.ENDPOINT)
    if get_token() is None:
        raise HubDenied(f"cannot push to {repo}: there is no token; {LOGIN}, or set HF_TOKEN", suggestions=[LOGIN])
    return HfApi(library_name="genzoo", library_version=__version__)


def _prepare(api: HfApi, repo: str, *, private: bool) -> str:
    """Make the repository if there is none; returns the commit its branch is at."""
    info = _info(api, repo, private=private)
    if private and not info.private:
        raise InvalidInput(f"{repo} is public: push without --private, or make it private in its settings first")
    there = {entry.rfilename for entry in info.siblings or ()}
    if RECORD_FILE not in there and WEIGHTS_FILE in there:
        raise InvalidInput(f"{repo} holds a model that is not genzoo's; give another name")
    if info.sha is None:
        raise HubMisbehaved(f"{api.endpoint} does not say at what commit {repo} is")
    return info.sha


def _info(api: HfApi, repo: str, *, private: bool) -> ModelInfo:
    """What the hub says of the repository, which is made if need be."""
    from huggingface_hub import constants
    from huggingface_hub.errors import RepositoryNotFoundError

    ask = partial(api.model_info, repo, timeout=constants.HF_HUB_ETAG_TIMEOUT)  # what else a push asks waits for ever
    try:
        return ask()
    except RepositoryNotFoundError:
        api.create_repo(repo, private=private, exist_ok=True)
        return ask()


def _card_there(api: HfApi, repo: str, commit: str) -> str:
    from huggingface_hub.errors import RemoteEntryNotFoundError

    with TemporaryDirectory() as folder:
        try:
            return Path(api.hf_hub_download(repo, CARD_FILE, revision=commit, cache_dir=folder)).read_text("utf-8")
        except RemoteEntryNotFoundError:
            return ""
        except UnicodeDecodeError:
            raise InvalidInput(f"the card of {repo} is not UTF-8; mend it on the hub") from None


def _newest(api: HfApi, repo: str) -> tuple[str, str]:
    """The tag with the highest number and its commit, "" and "" if there is none."""
    tags = {ref.name: ref.target_commit for ref in api.list_repo_refs(repo).tags if TAG.fullmatch(ref.name)}
    return max(tags.items(), key=lambda item: int(item[0][1:]), default=("", ""))


def _holds(api: HfApi, repo: str, commit: str, files: Mapping[str, bytes]) -> bool:
    """Whether a commit has the weights and the record of `files`."""
    from huggingface_hub.hf_api import RepoFile
    from huggingface_hub.utils.sha import git_hash

    entries = [entry for entry in api.list_repo_tree(repo, revision=commit) if isinstance(entry, RepoFile)]
    there = {entry.path: entry.lfs.sha256 if entry.lfs else entry.blob_id for entry in entries}
    return all(there.get(name) in (hashlib.sha256(files[name]).hexdigest(), git_hash(files[name])) for name in VERIFIED)


def _commit(api: HfApi, repo: str, files: Mapping[str, bytes], message: str, *, parent: str) -> str:
    from huggingface_hub import CommitOperationAdd

    operations = [CommitOperationAdd(name, data) for name, data in files.items()]
    return str(api.create_commit(repo, operations, commit_message=message, parent_commit=parent).oid)


def _read_back(api: HfApi, repo: str, commit: str, files: Mapping[str, bytes]) -> None:
    """Download the checkpoint of a commit anew, past every cache; DamagedFile if it is not `files`."""
    with TemporaryDirectory() as folder:
        for name in VERIFIED:
            if Path(api.hf_hub_download(repo, name, revision=commit, local_dir=folder)).read_bytes() != files[name]:
                raise DamagedFile(
                    f"{name} of hf:{repo}@{commit} comes back from the hub other than it was sent; push again"
                )


@contextmanager
def _plain_uploads() -> Iterator[None]:
    """Upload without Xet, which hubs other than Hugging Face's own do not speak."""
    from huggingface_hub import constants

    before = constants.HF_HUB_DISABLE_XET
    constants.HF_HUB_DISABLE_XET = before or constants.ENDPOINT != HOME
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before


@contextmanager
def _pushing(repo: str) -> Iterator[None]:
    """Raise what goes wrong in the block as a GenzooError."""
    from huggingface_hub.errors import HfHubHTTPError

    with typed(f"push to {repo}"):
        try:
            yield
        except RuntimeError as error:  # around the failure of an upload
            raise error.__cause__ or error from None
        except HfHubHTTPError as error:
            if error.response.status_code not in OVERTAKEN:
                raise
            raise HubOvertaken(
                f"push to {repo}: someone else has pushed in between, and theirs stays; look at it, then push again"
            ) from None
