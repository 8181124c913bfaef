"""load and create: from a name to a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from genzoo.catalog import find_checkpoint
from genzoo.errors import GenzooError, InvalidInput, NotFound, PluginError, StateMismatch, did_you_mean
from genzoo.hub.files import check_state, read_weights
from genzoo.models import Model
from genzoo.registry import load_target, registry
from genzoo.spec import Architecture, Family, Field, ModelSpec, check_config

__all__ = ["Blueprint", "combinations", "create", "load", "pick_device"]

MAX_PARAMETERS = 1 << 31
_COMMON = {
    "input_shape": Field(
        kind="ints",
        doc="shape of one example, (channels, height, width) for pictures",
        required=True,
        minimum=1,
        maximum=8192,
        length=(1, 4),
    ),
    "latent_dim": Field(kind="int", doc="length of a code", required=True, minimum=1, maximum=65536),
}


def load(name: str | Path, *, device: str | torch.device = "auto") -> Model:
    """A trained model in eval mode, offline.

    Args:
        name: a checkpoint's name, ``distribution:name`` where two distributions offer it, or the folder of a run or
            checkpoint (a Path, or a string with a ``/``).
        device: ``auto`` is the first of cuda, mps, cpu that is there.

    Raises:
        NotFound: no such checkpoint; the message has the nearest names.
        IntegrityError: the weights are not the recorded bytes, or do not fit their architecture.
    """
    checkpoint, plugin = find_checkpoint(name)
    owner = plugin.distribution if plugin else ""
    model = Blueprint.of(checkpoint.spec, checkpoint.name, prefer=owner).skeleton()
    tensors = read_weights(checkpoint.weights, sha256=checkpoint.sha256, size=checkpoint.size_bytes)
    check_state(tensors, model.state_dict(), checkpoint.weights)
    model.load_state_dict(tensors, assign=True)
    if hollow := [key for key, buffer in model.named_buffers() if buffer.is_meta]:
        raise StateMismatch(
            f"{checkpoint.architecture}: buffers {', '.join(hollow)} are in no state dict; register them"
        )
    model.name, model.checkpoint = checkpoint.name, checkpoint
    return model.to(pick_device(device)).eval()


def create(name: str, *, seed: int | None = None, **config: Any) -> Model:
    """An untrained model, on the CPU, in training mode.

    Args:
        name: ``family-architecture``, e.g. ``vae-conv``.
        seed: of the initial weights; torch's global generator without one.
        config: ``input_shape`` and ``latent_dim``, and what the family and the architecture declare.

    Raises:
        NotFound: no such family or architecture.
        InvalidInput: a config value that cannot be used, named, with the allowed ones; before anything is allocated.
    """
    family, architecture = _split_name(name)
    blueprint = Blueprint.of(ModelSpec(family=family, architecture=architecture, config=config), "config")
    blueprint.skeleton()
    if seed is None:
        return blueprint.build("cpu")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return blueprint.build("cpu")


def combinations() -> dict[str, tuple[str, str]]:
    """What `create` builds: ``family-architecture`` -> (family, architecture), for every pair that fits."""
    known = registry()
    return {
        f"{family}-{record.name}": (family, record.name)
        for family, _, needed in known.entries(Family)
        for _, _, record in known.entries(Architecture)
        if set(needed.roles) <= set(record.roles)
    }


def _split_name(name: str) -> tuple[str, str]:
    """(family, architecture) of ``family-architecture``; a distribution in front goes to the architecture."""
    distribution, _, short = name.rpartition(":")
    known = combinations()
    if short not in known:
        hint, near = did_you_mean(short, known)
        raise NotFound(f"nothing is called {name!r:.80}{hint} (known: {', '.join(sorted(known))})", suggestions=near)
    family, architecture = known[short]
    return family, f"{distribution}:{architecture}" if distribution else architecture


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """Family, architecture and a checked config: all that is needed to build a model."""

    spec: ModelSpec
    family: Family
    architecture: Architecture

    @classmethod
    def of(cls, spec: ModelSpec, where: str, *, prefer: str = "") -> Blueprint:
        """The blueprint of `spec`, its names looked up (first in the distribution `prefer`) and its config checked."""
        family = registry().find(Family, spec.family, prefer=prefer)
        architecture = registry().find(Architecture, spec.architecture, prefer=prefer)
        if missing := [role for role in family.roles if role not in architecture.roles]:
            raise InvalidInput(f"{architecture.name} builds no {' and no '.join(missing)}, which {family.name} needs")
        declared = {**_COMMON, **family.config, **architecture.config}
        config = check_config(declared, spec.config, where)
        return cls(spec=replace(spec, config=config), family=family, architecture=architecture)

    def build(self, device: str | torch.device) -> Model:
        """The model, untrained, on `device`; on ``meta`` nothing is allocated."""
        options = {key: self.spec.config[key] for key in self.architecture.config}

        def network(role: str, *shape: Any) -> nn.Module:
            builder = load_target(self.architecture.roles[role], self.architecture.name)
            try:
                module: nn.Module = builder(*shape, **options)
            except GenzooError:
                raise
            except RuntimeError as error:  # torch, of a tensor larger than it can count
                raise InvalidInput(f"{self.architecture.name} cannot build its {role} for {shape}: {error}") from None
            except Exception as error:  # a stranger's code
                raise PluginError(f"{self.architecture.name} failed to build its {role}: {error!r}") from error
            return module

        with torch.device(device):
            model: Model = load_target(self.family.target, self.family.name).build(network, self.spec)
        model.sample_block = self.architecture.sample_block
        return model

    def skeleton(self) -> Model:
        """The model on ``meta``; InvalidInput if it would be larger than any machine's."""
        model = self.build("meta")
        count = sum(parameter.numel() for parameter in model.parameters())
        if count > MAX_PARAMETERS:
            raise InvalidInput(
                f"{model.name} would have {count:,} parameters, more than the {MAX_PARAMETERS:,} allowed: "
                f"input_shape {model.input_shape} or latent_dim {model.latent_dim} is too large, or a width is"
            )
        return model


def pick_device(device: str | torch.device) -> torch.device:
    """The device named, ``auto`` being the first of cuda, mps, cpu that is there; InvalidInput if there is none."""
    if device == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator or torch.device("cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InvalidInput(
            f"there is no device {str(device)!r:.40}: {str(error).splitlines()[0]}; try 'auto'"
        ) from None
    return chosen
