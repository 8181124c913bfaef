"""What is fitted at once: a run of a single step, which an estimate takes in the place of gradients."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

import torch

from genzoo.datasets import Split
from genzoo.errors import InvalidInput
from genzoo.models import Model
from genzoo.randomness import stream
from genzoo.spec.sections import Optimizer, Training
from genzoo.training.clock import Progress
from genzoo.training.processes import Processes
from genzoo.training.recipe import Recipe
from genzoo.training.run import Run
from genzoo.training.state import Trainer

__all__ = ["Estimate", "check_fitted_at_once", "fit_once"]

Estimate = Callable[..., Mapping[str, float]]
"""(model, batches, *, seed) -> {term: value}: an objective's `fit` with its options; see genzoo.Objective."""

KEPT = ("epochs", "batch_size", "seed", "workers")
"""The keys of ``[training]`` that mean something for what is fitted at once."""


def check_fitted_at_once(recipe: Recipe, count: int = 1) -> None:
    """Refuse a recipe that asks for what there is only with gradients.

    Raises:
        InvalidInput: more than an epoch, an optimizer, or several processes.
    """
    what = f"{recipe.name}: {recipe.objective['name']} is fitted at once"
    if recipe.training.epochs != 1:
        raise InvalidInput(f"{what}, to one pass over the data: write training.epochs = 1")
    if count > 1:
        raise InvalidInput(f"{what}, by one process: start it without torchrun")
    sections = (
        ("training", recipe.training, Training(epochs=1), KEPT),
        ("optimizer", recipe.optimizer, Optimizer(), ()),
    )
    for section, given, default, kept in sections:
        for key, value in vars(given).items():
            if key not in kept and value != getattr(default, key):
                raise InvalidInput(f"{what}, and {section}.{key} is for what learns by gradient: leave it out")


def fit_once(
    model: Model,
    estimate: Estimate,
    data: Split,
    recipe: Recipe,
    run: Run,
    *,
    columns: Collection[str] = (),
    report: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[Model, int], None] = lambda model, epoch: None,
) -> Model:
    """Fit `model` to `data`, unless the state in `run` says that it is.

    Args:
        model: untrained, changed in place.
        estimate: sets its weights.
        data: the training split.
        recipe: of which ``training`` is read.
        run: where the state and the log are written.
        columns: of the data, which batches have beside those that the model is told.
        report: called once it is done.
        on_epoch: called with the fitted model and 1.

    Returns:
        The fitted model, in eval mode.

    Raises:
        InvalidInput: what the estimate refuses, or see `check_fitted_at_once`.
    """
    check_fitted_at_once(recipe)
    settings = recipe.training
    trainer = Trainer.of(model.eval(), {}, recipe, Processes(device=model.device), data_size=len(data))
    if (saved := run.read_state()) is not None:
        trainer.restore(run.parse_state(saved, trainer.expected()))
    run.forget_log_after(trainer.step)
    if not trainer.step:
        start = time.monotonic()
        batches = data.batches(
            torch.arange(len(data), device="cpu"),
            settings.batch_size,
            model.device,
            generator=stream("binarise", settings.seed),
            workers=settings.workers,
            columns=tuple(dict.fromkeys((*model.spec.given, *columns))),
        )
        terms = estimate(model, batches, seed=settings.seed)
        trainer.step, trainer.seconds = 1, time.monotonic() - start
        report(_progress(trainer.seconds, len(data), terms))
        run.log({"epoch": 1, "step": 1, "seconds": round(trainer.seconds, 3), **terms})
        on_epoch(model.eval(), 1)
        run.save_state(trainer.state())
    return model.requires_grad_(True).eval()


def _progress(seconds: float, examples: int, terms: Mapping[str, float]) -> Progress:
    return Progress(
        epoch=1,
        epochs=1,
        step=1,
        steps=1,
        terms=terms,
        rate=examples / seconds,
        seconds_left=0.0,
        epoch_ended=True,
    )
