"""Laws of learning: what holds for an objective and every model of its family, untrained."""

from __future__ import annotations

import copy
from collections.abc import Callable
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from genzoo.api.plan import losses_of
from genzoo.batch import Batch
from genzoo.errors import InvalidInput
from genzoo.spec import Objective
from genzoo.testing.inputs import data, given, least

__all__ = ["LEARNING_LAWS", "LearningLaw"]

LearningLaw = Callable[[Any, Objective], None]
EXAMPLES = 4
STEPS = (1e-2, 1e-3, 1e-4, 1e-5)  # by which part of itself the loss is to fall


def terms_are_per_example(model: Any, objective: Objective) -> None:
    """Each term is one number of each example, and ``loss`` is one of them."""
    for move in _moves(model, objective):
        terms = move.terms()
        shapes = {key: tuple(term.shape) for key, term in terms.items()}
        assert "loss" in terms, f"{move} has no term loss, but {', '.join(terms) or 'none'}"
        assert set(shapes.values()) == {(EXAMPLES,)}, f"{move} has terms of shapes {shapes}, not ({EXAMPLES},)"


def gradients_reach_every_parameter(model: Any, objective: Objective) -> None:
    """The gradient of a player's loss is finite at each of its parameters, and not 0 at a whole matrix. A matrix that
    begins at 0 lets none through to what is before it, so it is drawn first."""
    for move in _moves(model, objective):
        move.draw_zeros()
        move.backward()
        for key, parameter in move.module.named_parameters():
            assert parameter.grad is not None, f"{move} gives {key} no gradient"
            assert parameter.grad.isfinite().all(), f"{move} gives {key} a gradient that is not finite"
            if parameter.dim() > 1:  # a critic's score may be shifted: its last bias needs no gradient
                assert parameter.grad.abs().max() > 0, f"{move} gives {key} a gradient of 0"


def a_step_lowers_the_loss(model: Any, objective: Objective) -> None:
    """A small step against the gradient lowers the loss, by half at least of what the gradient says."""
    for move in _moves(model, objective):
        loss, told = move.backward(), []
        squared = sum(float(p.grad.double().square().sum()) for p in move.module.parameters() if p.grad is not None)
        assert squared > 0, f"{move} has a gradient of 0"
        for part in STEPS:
            fall = part * max(abs(loss), 1.0)
            fallen = loss - move.after(step=fall / squared)  # the gradient says: step · ‖gradient‖²
            if fallen >= fall / 2:
                break
            told.append(f"{fallen:.3g} for {fall:.3g}")
        else:
            raise AssertionError(f"{move} is {loss:.4g}, and does not fall along its gradient: {', '.join(told)}")


LEARNING_LAWS: tuple[LearningLaw, ...] = (
    terms_are_per_example,
    gradients_reach_every_parameter,
    a_step_lowers_the_loss,
)


class _Move:
    """One player's loss on one batch: each time from the same state, and with the same draws."""

    def __init__(self, model: Any, objective: Objective, player: str) -> None:
        self.model = copy.deepcopy(model).train()
        self.module: nn.Module = self.model.players[player]
        self.objective, self.player = objective, player
        self._loss = losses_of(objective, least(objective.config), objective.name)[player]
        self._state = copy.deepcopy(self.model.state_dict())

    def __str__(self) -> str:
        return f"{self.model.name}: the loss of {self.player} by {self.objective.name}"

    def terms(self) -> dict[str, Tensor]:
        x = _examples(self.model)
        predicted = {name: torch.arange(EXAMPLES) % column.space.size for name, column in self.model.predicts.items()}
        columns = {**predicted, **given(self.model, EXAMPLES)}
        told = {"data_size": 100, "step": torch.tensor(0)}
        batch = Batch(x=x, given=given(self.model, EXAMPLES), known=columns)
        asked = signature(self._loss).parameters
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self._loss(self.model, batch, **{key: value for key, value in told.items() if key in asked})

    def is_refused(self) -> bool:
        """Whether the loss is none for these data."""
        try:
            self.terms()
        except InvalidInput:
            return True
        return False

    def draw_zeros(self) -> None:
        """Give the player's matrices that are 0 small random numbers."""
        generator = torch.Generator("cpu").manual_seed(0)
        for parameter in self.module.parameters():
            if parameter.dim() > 1 and not parameter.any():
                drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float32, device="cpu")
                parameter.data = (0.1 * drawn).to(parameter)

    def backward(self) -> float:
        """The loss; its gradient is the parameters' then."""
        self.model.zero_grad()
        loss = self.terms()["loss"].mean()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss.item()

    def after(self, *, step: float) -> float:
        """The loss after a step against the gradient, which is taken back."""
        self.model.load_state_dict(self._state)
        with torch.no_grad():
            for parameter in self.module.parameters():
                if parameter.grad is not None:
                    parameter.sub_(step * parameter.grad)
        loss = self.terms()["loss"].mean().item()
        self.model.load_state_dict(self._state)
        return loss


def _moves(model: Any, objective: Objective) -> list[_Move]:
    """Each player's move; none where the objective refuses real values, which is an answer too."""
    moves = [_Move(model, objective, player) for player in objective.players]
    return [] if model.values == "real" and any(move.is_refused() for move in moves) else moves


def _examples(model: Any) -> Tensor:
    """Tokens, or numbers that are 0 or 1."""
    if model.values == "index":
        return data(model, EXAMPLES)
    return torch.bernoulli(torch.full((EXAMPLES, *model.input_shape), 0.5), generator=_draws())


def _draws() -> torch.Generator:
    return torch.Generator().manual_seed(0)
