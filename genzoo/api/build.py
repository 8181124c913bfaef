"""load and create: from a name to a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import nn

from genzoo.api.defaults import plain_defaults
from genzoo.arguments import typed
from genzoo.catalog import find_checkpoint, find_part, is_path
from genzoo.errors import GenzooError, InvalidInput, MalformedWeights, NotFound, PluginError, did_you_mean
from genzoo.fields import check_config
from genzoo.hub.files import check_size, read_weights
from genzoo.hub.reference import is_reference
from genzoo.hub.sources import read_weights_of
from genzoo.models import Model, Parts
from genzoo.models.conditioning import conditioned
from genzoo.randomness import DrawFrom
from genzoo.registry import Found, load_target, registry
from genzoo.spec import MODEL_FIELDS, Architecture, Checkpoint, Column, Family, ModelSpec, Part

__all__ = ["Blueprint", "combinations", "create", "load", "open_parts", "pick_device"]

MAX_PARAMETERS = 1 << 31
MAX_PARTS_DEEP = 4


@typed
@plain_defaults()
def load(name: str | Path, *, device: str | torch.device = "auto") -> Model:
    """A trained model in eval mode. What is on this machine is loaded without the network.

    Its `source` says where the weights came from: a ``folder``, a ``directory`` of ``$GENZOO_HUB``, ``bundled``, the
    ``cache`` of the hub, or the ``hub``.

    Args:
        name: a checkpoint's name, ``distribution:name`` where two distributions offer it, one on the Hugging Face Hub
            (``hf:org/name@commit``), or the folder of a run or checkpoint (a Path, or a string with a ``/``).
        device: ``auto`` is the first of cuda, mps, cpu that is there.

    Raises:
        NotFound: no such checkpoint; the message has the nearest names.
        IntegrityError: the weights are not the recorded bytes, or do not fit their architecture.
        NetworkError: they are on the hub alone, and it cannot be reached, denies them, or is no hub.
    """
    return _load(find_checkpoint(name), pick_device(device), ())


def _load(found: Found[Checkpoint], device: torch.device, above: tuple[str, ...]) -> Model:
    """The model of a checkpoint that was found; `above` are the sha256 of those that stand on it."""
    checkpoint, owner = found.record, found.owner
    above = (*above, checkpoint.sha256)
    parts = Parts({role: _part(found, role, device, above) for role in checkpoint.parts})
    try:
        model = Blueprint.of(checkpoint.spec, checkpoint.name, prefer=owner, parts=parts).skeleton()
    except NotFound as error:
        raise type(error)(f"{error.message}{_not_installed(owner)}", suggestions=error.suggestions) from None
    read = partial(read_weights, expected=model.state_dict(), sha256=checkpoint.sha256, size=checkpoint.size_bytes)
    check_size(checkpoint.size_bytes, model.state_dict(), checkpoint.name)
    tensors, source = read_weights_of(found, read)
    model.load_state_dict(tensors, assign=True)
    model.name, model.source = checkpoint.name, source.kind
    model.checkpoint = replace(checkpoint, folder=source.folder)
    return model.to(device).eval()


_shared: WeakValueDictionary[tuple[str, str, torch.device], Model] = WeakValueDictionary()
"""The parts in use, by name, sha256 and device: two models that stand on the same share its memory. Weights alone do
not say what they are: two records of the same may differ."""


def _part(found: Found[Checkpoint], role: str, device: torch.device, above: tuple[str, ...]) -> Model:
    """A part of a checkpoint, frozen.

    Raises:
        MalformedWeights: it stands on itself, or too many on one another.
        NotFound, IntegrityError, NetworkError: as genzoo.catalog.find_part, and as `load` of it.
    """
    pinned = found.record.parts[role]
    if pinned.sha256 in above:
        raise MalformedWeights(f"{found.record.name} cannot be loaded: its part {role} stands on it in turn")
    if len(above) > MAX_PARTS_DEEP:
        raise MalformedWeights(
            f"{found.record.name} cannot be loaded: its part {role} stands below {MAX_PARTS_DEEP} others, and no more "
            "are loaded"
        )
    return _shared_part(pinned, partial(find_part, found, role), device, above)


def _shared_part(
    pinned: Part, find: Callable[[], Found[Checkpoint]], device: torch.device, above: tuple[str, ...]
) -> Model:
    """A part that is in use already, or the one that `find` finds."""
    part = _shared.get((pinned.name, pinned.sha256, device))
    if part is None:
        part = _load(find(), device, above).requires_grad_(False)
        _shared[pinned.name, pinned.sha256, device] = part
    return part


def open_parts(
    names: Mapping[str, str], where: str, device: torch.device, *, folders: Mapping[str, Path] = MappingProxyType({})
) -> tuple[dict[str, Part], Parts]:
    """The pins of checkpoints called by name, and the models themselves, as parts of a model that is yet to be made.
    Those of `folders`, by role, lie there, under the name that their record has.

    Raises:
        InvalidInput: a name is a path, which would mean nothing on another machine; or not that of the checkpoint in
            the folder.
        NotFound, IntegrityError, NetworkError: as `load`.
    """
    if not isinstance(names, Mapping):
        raise InvalidInput(f"{where} must be a table of checkpoints by role; got {names!r:.80}")
    pins, models = {}, Parts()
    for role, name in names.items():
        if not isinstance(name, str) or is_path(name):
            raise InvalidInput(
                f"{where}.{role} must be the name of a checkpoint, or hf:org/name@commit; got {name!r:.80}"
            )
        source = folders.get(role, name)
        record = find_checkpoint(source).record
        if role in folders and record.name != name:
            raise InvalidInput(f"{where}.{role} is {name}, and {folders[role]} holds {record.name}")
        pins[role] = Part(name=record.pin if is_reference(name) else name, sha256=record.sha256)
        models[role] = _shared_part(pins[role], partial(find_checkpoint, source), device, ())
    return pins, models


def _not_installed(distribution: str) -> str:
    """A clause on the distribution that a record names, if it is not there; what it is has to be judged by a person."""
    if not distribution or any(plugin.distribution == distribution for plugin in registry().plugins):
        return ""
    return f"; it was trained with {distribution!r:.80}, which is not installed: if you trust it, pip install it"


@typed
def create(
    name: str,
    *,
    seed: int | None = None,
    given: Mapping[str, Column] = MappingProxyType({}),
    predicts: Mapping[str, Column] = MappingProxyType({}),
    parts: Mapping[str, str] = MappingProxyType({}),
    **config: Any,
) -> Model:
    """An untrained model, on the CPU, in training mode.

    Args:
        name: ``family-architecture``, e.g. ``vae-conv``.
        seed: of the initial weights; without one they are drawn from torch's global generator.
        given: what the model is told, by name: ``{"label": Column.of(["cat", "dog"])}``.
        predicts: what it predicts, by name, of a family that predicts.
        parts: the names of the checkpoints that it stands on, by role: ``{"first_stage": "ae-conv-mnist"}``.
        config: ``input_shape`` and ``latent_dim``, and what the family and the architecture declare.

    Raises:
        NotFound: no such family or architecture.
        InvalidInput: a config value that cannot be used, named, with the allowed ones; before anything is allocated.
    """
    distribution, _, short = name.rpartition(":")
    family, architecture = _split_name(short)
    qualified = f"{distribution}:{architecture}" if distribution else architecture
    pins, models = open_parts(parts, "parts", torch.device("cpu"))
    spec = ModelSpec(family=family, architecture=qualified, config=config, given=given, predicts=predicts, parts=pins)
    blueprint = Blueprint.of(spec, "config", prefer=distribution, parts=models)
    blueprint.skeleton()
    return blueprint.build("cpu") if seed is None else blueprint.seeded(seed)


def combinations() -> dict[str, tuple[str, str]]:
    """What `create` builds: ``family-architecture`` -> (family, architecture), for every pair that fits."""
    known = registry()
    return {
        f"{needed.name}-{record.name}": (needed.name, record.name)
        for _, _, needed in known.entries(Family)
        for _, _, record in known.entries(Architecture)
        if set(needed.roles) <= set(record.roles)
    }


def _split_name(name: str) -> tuple[str, str]:
    """(family, architecture) of ``family-architecture``."""
    known = combinations()
    if name not in known:
        hint, near = did_you_mean(name, known)
        raise NotFound(f"nothing is called {name!r:.80}{hint} (known: {', '.join(sorted(known))})", suggestions=near)
    return known[name]


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """Family, architecture and a checked config: all that is needed to build a model."""

    spec: ModelSpec
    family: Family
    architecture: Architecture
    distribution: str
    parts: Parts = field(default_factory=Parts)

    @classmethod
    def of(cls, spec: ModelSpec, where: str, *, prefer: str = "", parts: Parts | None = None) -> Blueprint:
        """The blueprint of `spec`, its names looked up (first in the distribution `prefer`) and its config checked.
        `parts` are the models that `spec` pins."""
        family = registry().find(Family, spec.family, prefer=prefer)
        found = registry().find_entry(Architecture, spec.architecture, prefer=prefer)
        architecture = found.record
        if missing := [role for role in family.roles if role not in architecture.roles]:
            raise InvalidInput(f"{architecture.name} builds no {' and no '.join(missing)}, which {family.name} needs")
        if spec.given and not family.conditional:
            raise InvalidInput(f"{where}: models of the family {family.name} cannot be told anything; leave given out")
        if spec.predicts and not family.predictive:
            raise InvalidInput(f"{where}: models of the family {family.name} predict nothing; leave predicts out")
        if set(spec.parts) != set(family.parts):
            needs = ", ".join(family.parts) or "none"
            raise InvalidInput(
                f"{where}: the parts of {family.name} are {needs}; got {', '.join(spec.parts) or 'none'}"
            )
        declared = {**MODEL_FIELDS, **family.config, **architecture.config}
        if len(declared) < len(MODEL_FIELDS) + len(family.config) + len(architecture.config):
            raise PluginError(f"{architecture.name} declares a config key that {family.name} or every model has")
        config = check_config(declared, {**_implied(spec, family), **spec.config}, where)
        if (config["values"] == "index") != ("alphabet" in config):
            kind = "tokens, of values 'index'" if "alphabet" in config else "numbers"
            raise InvalidInput(f"{where}: {family.name} models {kind}, and model.values is {config['values']!r}")
        return cls(
            spec=replace(spec, config=config),
            family=family,
            architecture=architecture,
            distribution=found.owner,
            parts=parts or Parts(),
        )

    def build(self, device: str | torch.device) -> Model:
        """The model, untrained, on `device`; on ``meta`` nothing is allocated."""
        options = {key: self.spec.config[key] for key in self.architecture.config}

        def bare(role: str, *shape: Any, **columns: Any) -> nn.Module:
            builder = load_target(self.architecture.roles[role], self.architecture.name)
            try:
                module: nn.Module = builder(*shape, **columns, **options)
            except GenzooError:
                raise
            except Exception as error:  # third-party code
                if "overflow" in str(error):  # torch, of a tensor larger than it can count
                    raise InvalidInput(f"{self.architecture.name} cannot build its {role} so large: {shape}") from None
                raise PluginError(f"{self.architecture.name} failed to build its {role}: {error!r}") from error
            return module

        def network(role: str, *shape: Any) -> nn.Module:
            columns, name = self.spec.given, self.architecture.name
            if not columns:
                return bare(role, *shape)
            if role in self.architecture.given:
                return bare(role, *shape, given=columns)
            return conditioned(partial(bare, role), role, shape, columns, name)

        with plain_defaults(), torch.device(device):
            more = (self.parts,) if self.parts else ()
            model: Model = load_target(self.family.target, self.family.name).build(network, self.spec, *more)
        if self.parts:
            model.parts = self.parts
        model.sample_block = self.architecture.sample_block
        model.distribution = self.distribution
        model.layout = {key: tensor.to("meta") for key, tensor in model.state_dict().items()}
        return model

    def seeded(self, seed: int) -> Model:
        """The model, untrained, on the CPU; its weights depend on `seed` alone."""
        if not -(1 << 63) <= seed < 1 << 64:
            raise InvalidInput(f"seed must be a whole number of 64 bits; got {seed}")
        with DrawFrom(torch.Generator("cpu").manual_seed(int(seed))):
            return self.build("cpu")

    def skeleton(self) -> Model:
        """The model on ``meta``; InvalidInput if it would be larger than any machine's."""
        model = self.build("meta")
        count = sum(parameter.numel() for parameter in model.parameters())
        if count > MAX_PARAMETERS:
            raise InvalidInput(
                f"{model.name} would have {count:,} parameters, more than the {MAX_PARAMETERS:,} allowed: "
                f"input_shape {model.input_shape}, latent_dim or a width is too large"
            )
        state = model.state_dict(keep_vars=True)
        if len({id(tensor) for tensor in state.values()}) < len(state):
            raise PluginError(f"{self.architecture.name} uses a tensor under two names, which its weights cannot hold")
        if hollow := [key for key, _ in model.named_buffers() if key not in state]:
            raise PluginError(f"{self.architecture.name}: buffers {', '.join(hollow)} must be persistent")
        return model


def _implied(spec: ModelSpec, family: Family) -> dict[str, int]:
    """What of the config follows from what the model predicts."""
    values = sum(column.space.size for column in spec.predicts.values())
    return {"classes": values} if values and "classes" in family.config else {}


def pick_device(device: str | torch.device) -> torch.device:
    """The device named, ``auto`` being the first of cuda, mps, cpu that is there; InvalidInput if there is none."""
    if device == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator or torch.device("cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except Exception as error:  # torch raises of many types here
        cause = next(iter(str(error).splitlines()), "")
        raise InvalidInput(f"there is no device {str(device)!r:.40}: {cause}; try 'auto'") from None
    if chosen.type == "meta":
        raise InvalidInput("the device 'meta' holds no values; try 'auto'")
    return chosen
