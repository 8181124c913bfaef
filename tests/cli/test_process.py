"""What surrounds a process: its streams, their encoding, and a home folder; each in a real process."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import genzoo
from tests.conftest import CLI, ROOT

GENZOO = f"{shlex.quote(sys.executable)} -m genzoo"
EXPLAINED = ["elbo", "conv", "sprites", "vae-conv-mnist"]
RUN_LIST = "import sys; sys.argv[1:] = ['list']; main()"
TRAIN = "train quick.toml -o β"
RECIPE = """
name = "gan-quick"
license = "CC0-1.0"
[model]
family = "gan"
architecture = "dense"
latent_dim = 1
hidden = [4]
[objective]
name = "r1"
[data]
name = "toy1d"
[training]
epochs = 1
batch_size = 30000
"""


def shell(folder: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "quick.toml").write_text(RECIPE, encoding="utf-8")
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    arguments = ["bash", "-c", command]
    return subprocess.run(
        arguments,
        cwd=folder,
        env=env,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "cp932", "ascii"])
def test_show_works_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    names = " ".join(EXPLAINED)
    result = shell(tmp_path, f"for name in {names}; do {GENZOO} show $name || exit 1; done", PYTHONIOENCODING=encoding)
    assert result.returncode == 0, result.stderr
    assert all(name in result.stdout for name in EXPLAINED)


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", "2>/dev/full"])
def test_a_stream_that_is_closed_ends_no_command(closed: str, tmp_path: Path) -> None:
    assert shell(tmp_path, f"{GENZOO} {TRAIN} {closed}").returncode == 0
    assert genzoo.show(tmp_path / "β").metrics
    genzoo.load(tmp_path / "β")


def test_a_path_that_the_encoding_does_not_have_is_piped_as_it_is_though_nobody_reads_progress(tmp_path: Path) -> None:
    command = f"{{ {GENZOO} {TRAIN} 2>&1 >&3 | true; }} 3>&1; echo ${{PIPESTATUS[0]}}"
    result = shell(tmp_path, command, PYTHONIOENCODING="cp1252")
    assert result.stdout == "./β\n0\n", result.stderr
    record = genzoo.show(tmp_path / "β")
    assert record.metrics
    assert record.quick.keys() == record.metrics.keys()


def test_a_closed_stdout_does_not_receive_another_file(tmp_path: Path) -> None:
    """Descriptor 1 is free when stdout is closed, and what is written there would land in the next file opened."""
    code = f"import os; from genzoo.cli import main; os.open('log', os.O_CREAT | os.O_WRONLY); {RUN_LIST}"
    prepared = f"from genzoo.cli.process import prepare; prepare(); {code}"
    assert shell(tmp_path, f"{shlex.quote(sys.executable)} -c {shlex.quote(prepared)} >&-").returncode == 0
    assert (tmp_path / "log").read_bytes() == b""


@pytest.fixture
def nobody(tmp_path: Path) -> list[str]:
    """The start of a command line for a user without a name, as in a container; $HOME is not set either."""
    if os.getuid() or not shutil.which("setpriv"):
        pytest.skip("becoming another user takes root and setpriv")
    capability = "+dac_read_search"  # Python may lie in root's home
    become = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    become += [f"--inh-caps={capability}", f"--ambient-caps={capability}"]
    return ["env", "-u", "HOME", "-u", "GENZOO_DATA", "-u", "XDG_CACHE_HOME", "-u", "HF_HOME", *become]


@pytest.mark.parametrize("command", ["cache ls", "evaluate gan-dense-toy1d"])
def test_a_user_without_name_and_home_can_work(command: str, nobody: list[str], tmp_path: Path) -> None:
    temporary = writable(tmp_path / "temporary")
    work = writable(tmp_path / "work")
    result = shell(work, f"{shlex.join(nobody)} {GENZOO} {command}", TMPDIR=str(temporary))
    assert result.returncode == 0, result.stderr
    assert "internal error" not in result.stderr
    others = [line for line in result.stderr.splitlines() if not line.startswith("genzoo: ")]
    assert not others, "a library complains"
    assert not (work / "~").exists()
    assert (temporary / "genzoo-54321").stat().st_mode & 0o777 == 0o700


def writable(folder: Path) -> Path:
    """A folder like /tmp."""
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def test_a_folder_that_somebody_else_has_made_is_no_home(nobody: list[str], tmp_path: Path) -> None:
    (writable(tmp_path / "temporary") / "genzoo-54321").mkdir()
    code = "from genzoo.files import home_folder; print(home_folder())"
    environment = {"TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(ROOT)}
    found = shell(tmp_path, f"{shlex.join(nobody)} {sys.executable} -c '{code}'", **environment).stdout.strip()
    assert Path(found).parent == tmp_path / "temporary"
    assert Path(found).name != "genzoo-54321"


def test_an_internal_error_says_what_to_do(genzoo_cli: CLI, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import genzoo.catalog\ngenzoo.catalog.describe = lambda name: 1 / 0\n", encoding="utf-8"
    )
    result = genzoo_cli("show", "elbo", PYTHONPATH=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith("genzoo: internal error: ZeroDivisionError: division by zero. Please report it")
    assert "GENZOO_DEBUG=1" in result.stderr
