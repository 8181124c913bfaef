"""Bad weights: a typed error each, before anything reaches the model. And writing: whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import genzoo
from genzoo.errors import (
    DamagedFile,
    GenzooError,
    IntegrityError,
    InvalidInput,
    MalformedWeights,
    NonFiniteWeights,
    NotFound,
    StateMismatch,
)
from genzoo.files import atomic_write
from genzoo.hub.files import encode_weights, parse_weights
from tests.hub.faults import flip
from tests.hub.folders import change, untrained, write_checkpoint

GOOD = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3)}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A sound checkpoint folder of an untrained model."""
    return untrained(tmp_path, 8)


def change_state(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    """Rewrite the weights with another state, and the record so that size and sha256 fit."""

    def apply(folder: Path) -> None:
        model = genzoo.load(folder, device="cpu")
        state = dict(model.state_dict())
        change(state)
        write_checkpoint(folder, encode_weights(state), model)

    return apply


def change_bytes(change: Callable[[bytes], bytes], *, honest: bool = True) -> Callable[[Path], None]:
    """Rewrite the bytes of the weights; an honest record says so."""

    def apply(folder: Path) -> None:
        model = genzoo.load(folder, device="cpu")
        data = change((folder / "model.safetensors").read_bytes())
        if honest:
            write_checkpoint(folder, data, model)
        else:
            (folder / "model.safetensors").write_bytes(data)

    return apply


def with_header(header: bytes, rest: bytes = b"") -> Callable[[bytes], bytes]:
    return lambda data: struct.pack("<Q", len(header)) + header + rest


def torch_file(data: bytes) -> bytes:
    import io

    buffer = io.BytesIO()
    torch.save({"a": 1}, buffer)
    return buffer.getvalue()


def rename_key(state: dict[str, torch.Tensor]) -> None:
    key = next(iter(state))
    state[f"{key}x"] = state.pop(key)


def set_first(value: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[dict[str, torch.Tensor]], None]:
    def change(state: dict[str, torch.Tensor]) -> None:
        key = next(iter(state))
        state[key] = value(state[key])

    return change


def fill(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.clone()
        tensor.view(-1)[-1] = value
        return tensor

    return change


OVERLAP = json.dumps(
    {
        "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        "b": {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]},
    }
).encode()

BAD = {
    "truncated": (change_bytes(lambda data: data[:-1], honest=False), DamagedFile, "bytes, its record says"),
    "flipped": (change_bytes(flip, honest=False), DamagedFile, "its sha256 is"),
    "longer": (change_bytes(lambda data: data + b"0", honest=False), DamagedFile, "bytes, its record says"),
    "truncated, honest": (change_bytes(lambda data: data[:-1]), MalformedWeights, "not safetensors"),
    "trailing, honest": (change_bytes(lambda data: data + b"0"), MalformedWeights, "not safetensors"),
    "empty": (change_bytes(lambda data: b""), MalformedWeights, "too short"),
    "short": (change_bytes(lambda data: b"1234567"), MalformedWeights, "too short"),
    "huge length": (change_bytes(lambda data: struct.pack("<Q", 2**63) + data), MalformedWeights, "too short"),
    "long header": (
        change_bytes(with_header(b"{" + b" " * (1 << 20) + b"}")),
        MalformedWeights,
        "more than the 1,048,576",
    ),
    "no JSON": (change_bytes(with_header(b"not json")), MalformedWeights, "not safetensors"),
    "overlap": (change_bytes(with_header(OVERLAP, b"0" * 6)), MalformedWeights, "not safetensors"),
    "pickle": (change_bytes(lambda data: pickle.dumps({"a": 1})), MalformedWeights, "never unpickles"),
    "torch file": (change_bytes(torch_file), MalformedWeights, "never unpickles"),
    "key": (change_state(rename_key), StateMismatch, "misses .* and adds"),
    "shape": (change_state(set_first(lambda tensor: tensor[:1])), StateMismatch, "is float32"),
    "dtype": (change_state(set_first(lambda tensor: tensor.double())), StateMismatch, "is float64"),
    "half": (change_state(set_first(lambda tensor: tensor.half())), StateMismatch, "is float16"),
    "float8": (change_state(set_first(lambda tensor: tensor.to(torch.float8_e4m3fn))), StateMismatch, "is float8"),
    "huge shape": (
        change_bytes(with_header(b'{"a":{"dtype":"F32","shape":[0,9223372036854775808],"data_offsets":[0,0]}}')),
        MalformedWeights,
        "not safetensors",
    ),
    "NaN": (change_state(set_first(fill(float("nan")))), NonFiniteWeights, "NaN or infinity in"),
    "infinite": (change_state(set_first(fill(-float("inf")))), NonFiniteWeights, "NaN or infinity in"),
}


@pytest.mark.parametrize(("damage", "error", "message"), BAD.values(), ids=BAD)
def test_bad_weights_are_a_typed_error(
    checkpoint: Path, damage: Callable[[Path], None], error: type[GenzooError], message: str
) -> None:
    damage(checkpoint)
    with pytest.raises(error, match=message) as caught:
        genzoo.load(checkpoint)
    assert isinstance(caught.value, IntegrityError)
    assert caught.value.exit_code == 5
    assert "model.safetensors" in str(caught.value)
    assert "copy the folder again, or train it anew" in str(caught.value)


def test_good_weights_are_loaded_as_they_were(checkpoint: Path) -> None:
    before = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=2, hidden=[8], seed=0).state_dict()
    after = genzoo.load(checkpoint, device="cpu").state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("length", [0x0280, 0x0380, 0x0480, 0x0580, 0x4B50])
def test_a_header_as_long_as_a_pickles_first_bytes_say_is_no_pickle(length: int) -> None:
    good = encode_weights(GOOD)
    size = int.from_bytes(good[:8], "little")
    data = struct.pack("<Q", length) + good[8 : 8 + size].ljust(length) + good[8 + size :]
    found = parse_weights(data, GOOD, "here")
    assert all(torch.equal(found[key], GOOD[key]) for key in GOOD)


def test_no_pickle_is_run(checkpoint: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
            return os.mkdir, (str(tmp_path / "exploded"),)

    change_bytes(lambda data: pickle.dumps(Bomb()))(checkpoint)
    with pytest.raises(MalformedWeights):
        genzoo.load(checkpoint)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "device"])
def test_what_is_no_file_is_refused_and_never_waited_for(checkpoint: Path, kind: str) -> None:
    path = checkpoint / "model.safetensors"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    with pytest.raises(NotFound if kind == "missing" else MalformedWeights):
        genzoo.load(checkpoint)


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"latent_dim": 2**40}, "from 1 to 65536"),
        ({"hidden": [2**40]}, "from 1 to 16384"),
        ({"surprise": "os.system"}, "has no key"),
        ({"activation": "../../x"}, "must be one of"),
    ],
)
def test_a_record_with_a_bad_config_is_refused(checkpoint: Path, config: dict[str, object], error: str) -> None:
    change(checkpoint, config={**genzoo.show(checkpoint).config, **config})
    with pytest.raises(GenzooError, match=error):
        genzoo.load(checkpoint)


@pytest.mark.parametrize("text", ["\x1b[2J", "\x07", "\x9b2J", "\u202egnp.exe", "\ud800"])
@pytest.mark.parametrize("where", [lambda text: {"license": text}, lambda text: {"trained": {"on": [{text: 1}]}}])
def test_a_record_does_nothing_to_a_terminal(
    checkpoint: Path, text: str, where: Callable[[str], dict[str, object]]
) -> None:
    change(checkpoint, **where(text))
    with pytest.raises(MalformedWeights, match="has a control character in it") as caught:
        genzoo.show(checkpoint)
    assert text not in str(caught.value)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, torch.Tensor]]:
    """A checkpoint folder, and the tensors in it."""
    model = genzoo.create("ae-dense", input_shape=(1, 2, 2), latent_dim=1, hidden=[2], seed=0)
    folder = write_checkpoint(tmp_path_factory.mktemp("sound"), encode_weights(model.state_dict()), model)
    return folder, dict(model.state_dict())


def mutate(data: bytes, edits: list[tuple[str, int, int]]) -> bytes:
    """`data` with bits flipped, bytes set, parts cut out, put in or moved."""
    for kind, place, value in edits:
        at = place % (len(data) + 1)
        head, tail = data[:at], data[at:]
        if kind == "flip" and tail:
            data = head + bytes([tail[0] ^ 1 << value % 8]) + tail[1:]
        elif kind == "set" and tail:
            data = head + bytes([value % 256]) + tail[1:]
        elif kind == "cut":
            data = head + tail[value % 9 :]
        elif kind == "put":
            data = head + bytes([value % 256]) * (value % 9) + tail
        elif kind == "end":
            data = head
        elif kind == "turn":
            data = tail + head
    return data


EDITS = st.lists(
    st.tuples(st.sampled_from(["flip", "set", "cut", "put", "end", "turn"]), st.integers(0, 1 << 16), st.integers(0)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=2000)
@given(edits=EDITS, kind=st.sampled_from(["weights", "honest", "record"]))
def test_mutated_bytes_load_the_same_tensors_or_are_refused(
    sound: tuple[Path, dict[str, torch.Tensor]], edits: list[tuple[str, int, int]], kind: str
) -> None:
    """Honest: the record was made for the mutated weights, so what they hold is what was recorded."""
    folder, tensors = sound
    path = folder / ("genzoo.json" if kind == "record" else "model.safetensors")
    before = {name: (folder / name).read_bytes() for name in ("genzoo.json", "model.safetensors")}
    data = mutate(before[path.name], edits)
    try:
        path.write_bytes(data)
        if kind == "honest":
            record = json.loads(before["genzoo.json"])
            record |= {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
            (folder / "genzoo.json").write_text(json.dumps(record))
        found = genzoo.load(folder, device="cpu").state_dict()
    except GenzooError:
        assert data != before[path.name]
        return
    finally:
        for name, good in before.items():
            (folder / name).write_bytes(good)
    assert {key: tensor.shape for key, tensor in found.items()} == {key: t.shape for key, t in tensors.items()}
    if kind != "honest":
        assert all(torch.equal(found[key], tensors[key]) for key in tensors)
    if kind == "weights":
        assert data == before[path.name]


def test_the_same_tensors_give_the_same_bytes_in_another_process() -> None:
    code = "import hashlib, torch; from genzoo.hub.files import encode_weights; from tests.hub.test_files import GOOD;"
    code += "print(hashlib.sha256(encode_weights(GOOD)).hexdigest())"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert found == hashlib.sha256(encode_weights(GOOD)).hexdigest() + "\n"


def test_writing_keeps_the_umask_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "file"
    before = os.umask(0o027)
    try:
        atomic_write(path, b"one")
        atomic_write(path, b"two")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "there"
    os.mkfifo(path) if kind == "fifo" else path.mkdir()
    with pytest.raises(InvalidInput, match="not a regular file"):
        atomic_write(path, b"new")
    assert not path.is_file()


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")
    atomic_write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_fifo_as_a_record_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "genzoo.json")
    with pytest.raises(MalformedWeights, match="not a regular file"):
        genzoo.load(tmp_path)


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidInput, match="No space left"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    code = (
        "import sys; from pathlib import Path; from genzoo.files import atomic_write\n"
        "for i in range(10**9): atomic_write(Path(sys.argv[1]), bytes([i % 251]) * 4_000_000)"
    )
    for delay in (0.05, 0.11, 0.17, 0.23):
        with subprocess.Popen([sys.executable, "-c", code, str(path)]) as process:
            while not path.exists() and process.poll() is None:
                time.sleep(0.005)
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        data = path.read_bytes()
        assert data == data[:1] * 4_000_000
