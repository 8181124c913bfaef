"""What a run is made of between two steps: players, average, sums of the epoch; as tensors, to save and to restore."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from inspect import signature

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from genzoo.batch import Batch
from genzoo.errors import InvalidInput, StateMismatch
from genzoo.models import Model
from genzoo.spec.sections import Optimizer
from genzoo.training.optimizers import kept_for, optimizer_of
from genzoo.training.processes import Processes, Step
from genzoo.training.recipe import Recipe

__all__ = ["Losses", "Means", "Player", "Trainer"]

Loss = Callable[..., dict[str, Tensor]]
Losses = Mapping[str, Loss]
"""player -> loss: (model, batch) -> {term: (n,) tensor}, ``loss`` among them; in the order of play. A loss is given
what it has a parameter for: ``data_size``, the number of examples; ``step``, a tensor with the step of the run."""


class Means:
    """Running means of the terms since an epoch began, kept on the device until they are asked for."""

    def __init__(self, saved: Mapping[str, Tensor] | None = None) -> None:
        saved = saved or {}
        self._sums = {name: value[0] for name, value in saved.items()}
        self._counts = {name: int(value[1]) for name, value in saved.items()}

    def add(self, terms: Mapping[str, Tensor], prefix: str) -> None:
        """Count in the terms of one move; ``loss`` gets the prefix, which says whose."""
        for key, value in terms.items():
            name = f"{prefix}{key}" if key == "loss" else key
            self._sums[name] = self._sums[name] + value if name in self._sums else value.float()
            self._counts[name] = self._counts.get(name, 0) + 1

    def values(self) -> dict[str, float]:
        return {name: float(value) / self._counts[name] for name, value in self._sums.items()}

    def tensors(self) -> dict[str, Tensor]:
        """(sum, count) of each term: what makes the same Means again."""
        return {
            name: torch.stack([total.cpu(), torch.tensor(self._counts[name])]) for name, total in self._sums.items()
        }


@dataclass(kw_only=True)
class Player:
    """One who moves: its parameters, what it minimises and how."""

    name: str
    module: nn.Module
    loss: Loss
    optimizer: torch.optim.Optimizer
    settings: Optimizer
    asks: frozenset[str]
    step: nn.Module = field(init=False)
    """What plays: its forward pass is `terms`."""

    @classmethod
    def of(cls, name: str, loss: Loss, model: Model, recipe: Recipe, *, data_size: int) -> Player:
        settings = recipe.optimizer_of(name)
        objective = partial(loss, data_size=data_size) if "data_size" in signature(loss).parameters else loss
        module = model.players[name]
        return cls(
            name=name,
            module=module,
            loss=torch.compile(objective) if recipe.training.compile else objective,
            optimizer=optimizer_of(module.parameters(), settings),
            settings=settings,
            asks=frozenset(signature(objective).parameters),
        )

    def terms(self, model: Model, batch: Batch, step: int) -> dict[str, Tensor]:
        """The means of the loss's terms on a batch."""
        options = {"step": torch.tensor(step, device=batch.x.device)} if "step" in self.asks else {}
        return {key: value.mean() for key, value in self.loss(model, batch, **options).items()}


@dataclass(kw_only=True)
class Trainer:
    """All that a saved state restores: model, optimizers, average, sums of the epoch, random state and step.

    Of several processes all have the same, but for the running statistics of batch normalisation, which each takes of
    its slices: the main process's are saved.
    """

    model: Model
    players: list[Player]
    average: AveragedModel | None
    processes: Processes
    examples: int = 0
    step: int = 0
    seconds: float = 0.0
    saved_step: int | None = None
    copied: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    means: Means = field(default_factory=Means)

    @classmethod
    def of(cls, model: Model, losses: Losses, recipe: Recipe, processes: Processes, *, data_size: int) -> Trainer:
        players = [Player.of(name, loss, model, recipe, data_size=data_size) for name, loss in losses.items()]
        for player in players:
            player.step = processes.share(Step(player.module, player.terms))
        average = None
        if decay := recipe.training.ema:
            average = AveragedModel(model, multi_avg_fn=partial(_follow, decay), use_buffers=True)
        return cls(
            model=model.train(),
            players=players,
            average=average,
            processes=processes,
            examples=data_size,
            copied=_not_averaged(average, model),
        )

    @torch.no_grad()
    def follow(self) -> None:
        """Have the average, if there is one, follow a step."""
        if self.average is None:
            return
        self.average.update_parameters(self.model)
        for mine, models in self.copied:
            mine.copy_(models)

    def state(self) -> dict[str, Tensor]:
        """Everything, by name; all processes call it together."""
        random = {f"random.{kind}": state for kind, state in self.processes.random_state().items()}
        terms = {f"terms.{name}": value for name, value in self.means.tensors().items()}
        return self._tensors() | random | terms

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"model.{key}": value for key, value in self.model.state_dict().items()}
        if self.average is not None:
            tensors |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        for player in self.players:
            for index, kept in player.optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{player.name}.{index}.{key}": value for key, value in kept.items()}
        return tensors | {
            "step": torch.tensor(self.step),
            "examples": torch.tensor(self.examples),
            "seconds": torch.tensor(self.seconds, dtype=torch.float64),
        }

    def expected(self) -> dict[str, Tensor]:
        """Tensors like those of a state, but for ``random.`` and ``terms.``."""
        tensors = self._tensors()
        for player in self.players:
            for index, parameter in enumerate(player.module.parameters()):
                kept = kept_for(parameter, player.settings)
                tensors |= {f"optimizer.{player.name}.{index}.{key}": value for key, value in kept.items()}
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a state whose tensors are like those `expected`.

        Raises:
            InvalidInput: it is the state of other data, or of other processes.
            StateMismatch: sums or generators in it are none.
        """
        if int(tensors["examples"]) != self.examples:
            raise InvalidInput(
                f"the run began with {int(tensors['examples'])} examples, and the data now has {self.examples}: "
                "restore the data, or start anew with --force"
            )
        terms = _below(tensors, "terms.")
        if int(tensors["step"]) < 0 or not all(map(_is_mean, terms.values())):
            raise StateMismatch("the state has steps or sums that cannot be; start anew with --force")
        self.processes.restore_random_state(_below(tensors, "random."))
        self.model.load_state_dict(_below(tensors, "model."))
        if self.average is not None:
            self.average.load_state_dict(_below(tensors, "average."))
        for player in self.players:
            parameters, state = list(player.module.parameters()), dict[int, dict[str, Tensor]]()
            for key, value in _below(tensors, f"optimizer.{player.name}.").items():
                index, _, kept = key.partition(".")
                state.setdefault(int(index), {})[kept] = _laid_out_as(parameters[int(index)], value)
            groups = player.optimizer.state_dict()["param_groups"]
            player.optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.means = Means({name: value.to(self.model.device) for name, value in terms.items()})
        self.step, self.seconds = int(tensors["step"]), float(tensors["seconds"])
        self.saved_step = self.step


def _is_mean(value: Tensor) -> bool:
    """Whether it is the sum and the count of a term."""
    return value.shape == (2,) and value.is_floating_point() and bool(value[1] >= 1)


def _follow(decay: float, average: list[Tensor], current: list[Tensor], updates: int | Tensor) -> None:
    """An exponential moving average that forgets the first weights in a short run too: its decay grows to `decay` as
    (1 + t) / (10 + t), as TensorFlow's ExponentialMovingAverage has it."""
    rising = (1 + int(updates)) / (10 + int(updates))
    get_ema_multi_avg_fn(min(decay, rising))(average, current, updates)  # type: ignore[no-untyped-call]


def _laid_out_as(parameter: Tensor, kept: Tensor) -> Tensor:
    """What an optimizer keeps with the strides of its parameter, for the fused ones; a scalar as it is."""
    return torch.empty_like(parameter.detach()).copy_(kept) if kept.shape == parameter.shape else kept


def _not_averaged(average: AveragedModel | None, model: Model) -> list[tuple[Tensor, Tensor]]:
    """(the average's, the model's) buffers that are copied: of the unit vectors of spectral normalisation the mean is
    none. The running statistics of batch normalisation are averaged, as they belong to the weights."""
    if average is None:
        return []
    statistics = ("running_mean", "running_var")
    named = zip(model.named_buffers(), average.module.buffers(), strict=True)
    return [(mine, models) for (name, models), mine in named if not name.endswith(statistics)]


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
