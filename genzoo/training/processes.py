"""The processes that train one model together, as torchrun or ``accelerate launch`` start them; alone, nothing is done.

Each has the whole model and plays its slice of every batch. torch's DistributedDataParallel averages the gradients of
the player who moves, while the backward pass still goes on. Buffers are not sent: the running statistics of batch
normalisation are those of each process's slices, and what follows from the weights alone, as the unit vectors of
spectral normalisation do, is the same in all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from genzoo.errors import InvalidInput, ProcessLost, StateMismatch
from genzoo.randomness import stream

__all__ = ["Processes", "Step", "is_main"]

PATIENCE = timedelta(hours=6)  # the others wait while the main process downloads, saves or measures
ANEW = "start anew with --force"


def is_main() -> bool:
    """Whether this process is the one that writes and prints: it is alone, or the first."""
    return _told("RANK", 0) == 0 or _count() == 1


def _count() -> int:
    return _told("WORLD_SIZE", 1)


def _told(variable: str, default: int) -> int:
    """A number that the launcher puts into the environment."""
    text = os.environ.get(variable, str(default))
    if not text.isdecimal():
        raise InvalidInput(f"{variable} must be a number, as torchrun sets it; got {text!r:.40}: unset it")
    return int(text)


class Step(nn.Module):
    """A player's loss as a module: what DistributedDataParallel sees are the player's parameters, without its buffers,
    and the forward pass, which is `terms`."""

    def __init__(self, player: nn.Module, terms: Callable[..., dict[str, Tensor]]) -> None:
        super().__init__()
        self.learned = nn.ParameterList(player.parameters())
        self.terms = terms

    def forward(self, *inputs: Any) -> dict[str, Tensor]:
        return self.terms(*inputs)


@dataclass(frozen=True, kw_only=True)
class Processes:
    """Process `rank` of `count`, with the device it computes on.

    What sends anything is called by all of them at the same point, and raises ProcessLost where one is gone.
    """

    device: torch.device
    rank: int = 0
    count: int = 1

    @classmethod
    def join(cls, device: torch.device) -> Processes:
        """The processes that were started with this one; on GPUs each gets its own of the machine's.

        accelerate is imported here, where there are several: it costs two seconds.

        Raises:
            InvalidInput: a device they cannot share, or they do not find each other.
        """
        if _count() == 1:
            return cls(device=device)
        if device.type not in ("cpu", "cuda") or device.index is not None:
            raise InvalidInput(f"several processes each have a device: --device cpu or cuda, not {device}")
        here = _told("LOCAL_WORLD_SIZE", 1)
        if device.type == "cuda" and here > torch.cuda.device_count():
            raise InvalidInput(
                f"{here} processes need a GPU each, and there are {torch.cuda.device_count()}; start fewer, "
                "or give --device cpu"
            )
        try:
            from accelerate import PartialState

            state: Any = PartialState(cpu=device.type == "cpu", timeout=PATIENCE)
        except (RuntimeError, ValueError) as error:
            cause = next(iter(str(error).splitlines()), "")
            raise InvalidInput(
                f"WORLD_SIZE is {_count()}, but the processes do not find each other ({cause:.200}); "
                "start them with torchrun, or unset WORLD_SIZE"
            ) from None
        return cls(device=state.device, rank=state.process_index, count=state.num_processes)

    @property
    def main(self) -> bool:
        """Whether this is the one that writes, prints and measures."""
        return self.rank == 0

    def slice_of(self, order: Tensor, batch_size: int) -> Tensor:
        """This process's part of every batch in an order of whole batches."""
        return order.view(-1, self.count, batch_size // self.count)[:, self.rank].flatten()

    def mean(self, terms: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Numbers, averaged over the processes."""
        if self.count == 1:
            return terms
        return dict(zip(terms, self._reduce(torch.stack(list(terms.values())), "mean").unbind(), strict=True))

    def share(self, step: Step) -> nn.Module:
        """The step whose backward pass makes its player's gradients, each process's of its slice, those of all."""
        if self.count == 1:
            return step
        with _together():
            return DistributedDataParallel(step)

    @contextmanager
    def passing(self, step: nn.Module, *, last: bool) -> Iterator[None]:
        """Around a forward and a backward pass of a step: of several micro-batches, the last one averages their sum.

        Raises:
            InvalidInput: the loss does not depend on all parameters of the player.
        """
        if not isinstance(step, DistributedDataParallel):
            yield
            return
        try:
            with nullcontext() if last else step.no_sync():
                yield
        except RuntimeError as error:
            if isinstance(error, torch.distributed.DistError) or "gloo" in str(error):
                raise _lost(error) from None
            raise
        if last and any(parameter.grad is None for parameter in step.parameters() if parameter.requires_grad):
            raise InvalidInput(
                "a loss does not depend on all parameters of its player, which several processes cannot train: "
                "train it with one, or set requires_grad of the others to False"
            )

    def any(self, *flags: bool) -> list[bool]:
        """Of each flag, whether one of the processes has set it."""
        if self.count == 1:
            return list(flags)
        return [bool(flag) for flag in self._reduce(torch.tensor(flags, dtype=torch.int32), "max").tolist()]

    def send(self, data: bytes | None) -> bytes | None:
        """The main process's data, in all of them: they may not share its disk."""
        if self.count == 1:
            return data
        from accelerate.utils import broadcast

        with _together():
            size = int(broadcast(torch.tensor([len(data or b"")], device=self.device)))
            sent = torch.empty(size, dtype=torch.uint8, device=self.device)
            if data:
                sent.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
            return broadcast(sent).cpu().numpy().tobytes() if size else None

    def seed_noise(self, seed: int) -> None:
        """Have several processes draw different noise; one draws from the global generators as they are."""
        if self.count > 1:
            torch.manual_seed(stream("process", seed, self.rank).initial_seed())

    def random_state(self) -> dict[str, Tensor]:
        """The state of the global generators, ``cpu`` and perhaps ``cuda``: all processes' one behind the other."""
        states = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        return {kind: self._gather(state) for kind, state in states.items()}

    def restore_random_state(self, states: Mapping[str, Tensor]) -> None:
        """Set the generators to this process's part of what `random_state` gave.

        Raises:
            StateMismatch: it is not the state of generators.
            InvalidInput: it was given by another number of processes, or on another kind of device.
        """
        mine = torch.get_rng_state().numel()
        if "cpu" not in states or states.keys() - {"cpu", "cuda"}:
            raise StateMismatch(f"the state has generators of {', '.join(states) or 'no device'}; {ANEW}")
        before, rest = divmod(states["cpu"].numel(), mine)
        kind = "cuda" if "cuda" in states else "cpu"
        if rest or not before:
            raise StateMismatch(f"the state has a generator of another torch, or is damaged; {ANEW}")
        if before != self.count or (kind == "cuda") != (self.device.type == "cuda"):
            raise InvalidInput(
                f"the run began with {before} process(es) on {kind}, and this is {self.count} on {self.device.type}: "
                "go on as it began, or start anew with --force"
            )
        parts = {kind: self._part_of(kind, state) for kind, state in states.items()}
        torch.set_rng_state(parts["cpu"])
        if kind == "cuda":
            torch.cuda.set_rng_state(parts["cuda"], self.device)

    def _part_of(self, kind: str, states: Tensor) -> Tensor:
        """This process's part of the states of one kind of generator, which take it; StateMismatch if they do not."""
        scratch = torch.Generator(self.device if kind == "cuda" else "cpu")
        like = scratch.get_state()
        if states.dtype != like.dtype or states.shape != (self.count * like.numel(),):
            raise StateMismatch(f"the state has a generator of {kind} of another torch, or is damaged; {ANEW}")
        part = states.chunk(self.count)[self.rank].clone()
        try:
            scratch.set_state(part)
        except RuntimeError as error:
            raise StateMismatch(
                f"the state has a generator of {kind} that torch refuses: {error!s:.80}; {ANEW}"
            ) from None
        return part

    @contextmanager
    def alone(self) -> Iterator[None]:
        """This process does what is within without the others: it is in no group there, so that what asks
        torch.distributed for one, as metrics of torchmetrics do, waits for nobody."""
        if not torch.distributed.is_available():
            yield
            return
        members = torch.distributed.GroupMember
        group, members.WORLD = members.WORLD, None
        try:
            yield
        finally:
            members.WORLD = group

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The main process does what is within, `alone`; then the others, on each machine the first before the rest.

        A mistake is then told once, and a data set downloaded once.
        """
        if self.count == 1:
            yield
            return
        first_here = _told("LOCAL_RANK", 0) == 0
        turn = 0 if self.main else 1 if first_here else 2
        for _ in range(turn):
            self._wait()
        with self.alone():
            yield
        for _ in range(2 - turn):
            self._wait()

    def _wait(self) -> None:
        from accelerate import PartialState

        with _together():
            PartialState().wait_for_everyone()

    def _reduce(self, tensor: Tensor, how: str) -> Tensor:
        from accelerate.utils import reduce

        with _together():
            reduced: Tensor = reduce(tensor.to(self.device), how)
        return reduced

    def _gather(self, tensor: Tensor) -> Tensor:
        if self.count == 1:
            return tensor
        from accelerate.utils import gather

        with _together():
            gathered: Tensor = gather(tensor.to(self.device)).cpu()
        return gathered


@contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:  # what torch.distributed raises
        raise _lost(error) from None


def _lost(error: RuntimeError) -> ProcessLost:
    cause = next(iter(str(error).splitlines()), "")
    return ProcessLost(
        f"another process of the run is gone ({cause:.120}); the last saved state stays: "
        "start all of them again with --resume"
    )
