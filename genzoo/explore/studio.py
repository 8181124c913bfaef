"""The models of a page and what it asks of them: bytes in, bytes out, computed by one thread."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genzoo.api.build import load
from genzoo.errors import InvalidInput, NotFound
from genzoo.explore.columns import from_rows, width_of
from genzoo.explore.description import as_bytes, describe, held_out_examples
from genzoo.explore.panels import code_of
from genzoo.explore.peers import peers_of
from genzoo.models import Model
from genzoo.pictures import animate, is_picture
from genzoo.randomness import Noise

__all__ = ["MAX_BODY", "Studio"]

MAX_BODY = 4 << 20
MAX_ROWS = 1024
MAX_SAMPLES = 64
MAX_VALUES = 1 << 26  # of all pictures of one answer
GIF_SCALE, GIF_MILLISECONDS = 8, 80
MAX_SEED = 1 << 53  # JavaScript's whole numbers


class Studio:
    """A model, and those that it may be compared with, which are loaded when they are first asked for.

    Attributes:
        model: the model itself, described at once, so that what is amiss is said before a page is opened.
        peers: the names of the others.
    """

    def __init__(self, model: Model, *, data_root: str | Path | None = None) -> None:
        self.model = model
        self.peers = peers_of(model)
        self._data_root = data_root
        self._models = {model.name: model}
        self._told: dict[str, bytes] = {}
        # One thread: torch's own threads are as many as the cores already, and are made anew for each that calls it.
        self._worker = ThreadPoolExecutor(1, "genzoo-explore")
        self.description(model.name)

    def description(self, name: str) -> bytes:
        """`describe` of a model, as JSON."""
        return self._computed(lambda: self._describe(name))

    def decode(self, name: str, body: bytes) -> bytes:
        """The pictures of codes: float32 (n, latent + w) -> uint8 (n, c, h, w), or float32 of points. Behind each code
        comes what the model is told, a row of genzoo.explore.columns of w numbers."""
        return self._computed(lambda: self._decode(self._model(name), body))

    def encode(self, name: str, body: bytes) -> bytes:
        """The codes of pictures, behind each of which comes what the model is told: n times the bytes of uint8
        (c, h, w) and of float32 (w,) -> float32 (n, latent)."""
        return self._computed(lambda: self._encode(self._model(name), body))

    def gif(self, name: str, body: bytes) -> bytes:
        """A GIF of the pictures of codes, to and fro: as `decode` -> GIF."""
        return self._computed(lambda: self._gif(self._model(name), body))

    def noise(self, name: str, seed: str, count: str) -> bytes:
        """The first codes that ``sample(n, seed=seed)`` decodes: float32 (count, latent)."""
        rows, number = _whole(count, "n", MAX_ROWS), _whole(seed, "seed", MAX_SEED)
        return self._computed(lambda: _bytes(Noise(seed=number, n=rows).normal(*code_of(self._model(name)).shape)))

    def sample(self, name: str, seed: str, count: str, body: bytes) -> bytes:
        """``sample(count, seed=seed)``, told a row of float32 (w,): uint8 (count, c, h, w), or float32 of points."""
        rows, number = _whole(count, "n", MAX_SAMPLES), _whole(seed, "seed", MAX_SEED)
        return self._computed(lambda: self._sample(self._model(name), number, rows, body))

    def _computed(self, work: Callable[[], bytes]) -> bytes:
        return self._worker.submit(work).result()

    def _model(self, name: str) -> Model:
        if name not in self._models:
            if name not in self.peers:
                raise NotFound(f"no model is called {name!r:.80} here")
            self._models[name] = load(name, device=self.model.device)
        return self._models[name]

    def _describe(self, name: str) -> bytes:
        if name not in self._told:
            model = self._model(name)
            told = describe(model, held_out_examples(model, self._data_root))
            self._told[name] = json.dumps(told, allow_nan=False).encode()
        return self._told[name]

    def _decoded(self, model: Model, body: bytes, enlarged: int = 1) -> Tensor:
        shape, width = code_of(model).shape, width_of(model)
        rows = torch.from_numpy(_rows(body, np.dtype("<f4"), prod(shape) + width))
        z, told = torch.split(rows, [prod(shape), width], dim=1)
        codes = z.reshape(-1, *shape)
        if len(codes) * prod(model.input_shape) * enlarged**2 > MAX_VALUES:
            raise InvalidInput(f"{len(codes)} pictures of shape {model.input_shape} are too many at once")
        x: Tensor = model.decode(codes, **from_rows(model, told))
        return x

    def _sample(self, model: Model, seed: int, count: int, body: bytes) -> bytes:
        width = width_of(model)
        told = _rows(body, np.dtype("<f4"), width) if width else np.empty((1, 0), np.float32)
        given = {name: values[0] for name, values in from_rows(model, torch.from_numpy(told)).items()}
        return _examples(model.sample(count, seed=seed, **given))

    def _decode(self, model: Model, body: bytes) -> bytes:
        return _examples(self._decoded(model, body))

    def _gif(self, model: Model, body: bytes) -> bytes:
        if not is_picture(model.input_shape):
            raise InvalidInput(f"{model.name} decodes no pictures")
        images = torch.nn.functional.interpolate(self._decoded(model, body, GIF_SCALE), scale_factor=GIF_SCALE)
        return animate(images, milliseconds=GIF_MILLISECONDS).encode("gif")

    def _encode(self, model: Model, body: bytes) -> bytes:
        model.encode  # noqa: B018  # refused here if it cannot
        size = prod(model.input_shape)
        rows = _rows(body, np.dtype("u1"), size + 4 * width_of(model))
        x = torch.from_numpy(rows[:, :size]).float().div(255).reshape(-1, *model.input_shape)
        told = torch.from_numpy(np.ascontiguousarray(rows[:, size:]).view("<f4"))
        return _bytes(model.encode(x, **from_rows(model, told)))


def _rows(body: bytes, kind: np.dtype[np.generic], width: int) -> np.ndarray[tuple[int, int], np.dtype[np.generic]]:
    """The rows of `width` numbers in a body; InvalidInput if it is not 1 to `MAX_ROWS` of them."""
    count, rest = divmod(len(body), width * kind.itemsize)
    if rest or not 1 <= count <= MAX_ROWS:
        raise InvalidInput(
            f"the body has {len(body)} bytes, not {width * kind.itemsize} for each of 1 to {MAX_ROWS} rows"
        )
    return np.frombuffer(body, kind).reshape(count, width).copy()


def _whole(text: str, what: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= most):
        raise InvalidInput(f"{what} must be a whole number of at most {most}; got {text!r:.40}")
    return int(text)


def _examples(x: Tensor) -> bytes:
    return _bytes(as_bytes(x) if is_picture(tuple(x.shape[1:])) else x)


def _bytes(values: Tensor) -> bytes:
    data: bytes = values.detach().cpu().contiguous().numpy().tobytes()
    return data
