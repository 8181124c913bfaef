"""Verbs run in eval mode on a view: nothing of the caller's model changes, in this thread or another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

import torch
from torch import Tensor, nn

import genzoo
from genzoo.models.views import in_eval_mode


def gan() -> Any:
    return genzoo.create("gan-dcgan", input_shape=(1, 28, 28), latent_dim=4, width=8, seed=0).eval()


def modes(model: nn.Module) -> list[bool]:
    return [module.training for module in model.modules()]


def test_a_generator_in_training_mode_samples_the_same_and_keeps_its_statistics() -> None:
    model = gan()
    wanted, state = model.sample(4, seed=0), {key: value.clone() for key, value in model.state_dict().items()}
    model.generator.train()
    assert torch.equal(model.sample(4, seed=0), wanted)
    assert model.generator.training
    assert not model.training
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def test_frozen_layers_stay_frozen() -> None:
    model = gan().train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    before = modes(model)
    model.sample(1, seed=0)
    model.discriminate(torch.rand(2, 1, 28, 28))
    assert modes(model) == before


def test_threads_that_share_a_model_in_training_mode_get_the_same_pictures() -> None:
    model = gan()
    wanted = model.sample(70, seed=0)
    model.train()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: model.sample(70, seed=0), range(12)))
    assert all(torch.equal(pictures, wanted) for pictures in found)
    assert all(modes(model))


def test_pictures_are_the_same_while_another_thread_switches_modes() -> None:
    model, done = gan(), Event()
    wanted = model.sample(70, seed=0)

    def switch() -> None:
        while not done.is_set():
            model.train()
            model.eval()

    thread = Thread(target=switch)
    thread.start()
    try:
        found = [model.sample(70, seed=0) for _ in range(8)]
    finally:
        done.set()
        thread.join()
    assert all(torch.equal(pictures, wanted) for pictures in found)


class Referring(nn.Module):
    """Refers to its parts in every way but the usual one."""

    hidden: nn.Module

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Dropout(0.5) for _ in range(4))
        self.listed, self.named = [self.a], {"b": self.b}
        self.bound = self.through_d
        object.__setattr__(self, "hidden", self.c)  # which registers no module

    def through_d(self, x: Tensor) -> Tensor:
        result: Tensor = self.d(x)
        return result

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.bound(self.hidden(self.named["b"](self.listed[0](x))))
        return result


def test_modules_that_are_referred_to_in_other_ways_are_in_eval_mode_too() -> None:
    module, x = Referring(), torch.ones(100)
    view = in_eval_mode(module)
    assert torch.equal(view(x), x)
    assert not torch.equal(module(x), x)


def test_a_view_shares_parameters_buffers_and_hooks() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    view = in_eval_mode(module)
    assert all(mine is other for mine, other in zip(view.parameters(), module.parameters(), strict=True))
    assert all(mine is other for mine, other in zip(view.buffers(), module.buffers(), strict=True))
    seen = []
    module[0].register_forward_hook(lambda *_: seen.append(1))
    view(torch.ones(3, 2))
    assert seen == [1]


def test_a_module_used_twice_is_one_in_the_view() -> None:
    part = nn.Linear(2, 2)
    view = in_eval_mode(nn.Sequential(part, part))
    assert view[0] is view[1]


def test_compiled_parts_of_a_model_in_training_mode_run_in_eval_mode() -> None:
    model = gan()
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    wanted = model.decode(z)
    model.train()
    model.generator.compile(backend="eager")
    assert torch.equal(model.decode(z), wanted)
    model.generator = torch.compile(model.generator, backend="eager")
    assert torch.equal(model.decode(z), wanted)
    assert all(modes(model))


def test_a_compiled_verb_of_a_model_in_training_mode_runs_in_eval_mode() -> None:
    model = genzoo.create("vae-dense", input_shape=(1, 4, 4), latent_dim=2, hidden=[4], seed=0)
    z = torch.ones(3, 2)
    wanted = model.decode(z)
    torch.compiler.reset()
    compiled: Any = torch.compile(model.decode, backend="eager")
    assert torch.equal(compiled(z), wanted)
    assert all(modes(model))
