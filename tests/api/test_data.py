"""Names of data sets as a user types them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genzoo.api.data import split_root
from genzoo.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "name", "root"),
    [
        ("mnist", "mnist", None),
        ("folder:./pictures", "folder", Path("pictures")),
        ("folder:pictures", "folder", Path("pictures")),
        ("folder:C:\\pictures", "folder", Path("C:\\pictures")),
        ("folder:~", "folder", Path.home()),
        ("genzoo:mnist", "genzoo:mnist", None),
        ("genzoo:mnist:/data", "genzoo:mnist", Path("/data")),
        ("foldr:./pictures", "foldr", Path("pictures")),
    ],
)
def test_a_name_and_a_folder_in_one(text: str, name: str, root: Path | None) -> None:
    assert split_root(text) == (name, root)


@pytest.mark.parametrize("text", ["folder:", "genzoo:mnist:"])
def test_a_colon_without_a_folder_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=f"write {text}PATH"):
        split_root(text)


@given(st.text(alphabet="abc/.~ \\\n-", min_size=1).filter(lambda text: not text.startswith("~")))
def test_any_path_behind_a_known_name_is_that_path(path: str) -> None:
    assert split_root(f"folder:{path}") == ("folder", Path(path))
