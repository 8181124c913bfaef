"""Every law of models and objectives can be broken, and says by what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import genzoo
from genzoo.batch import Batch
from genzoo.cli import run
from genzoo.errors import NetworkError, NotFound
from genzoo.registry import registry
from genzoo.spec import Architecture, Column, Objective
from genzoo.testing import LAWS, Case, cases, check, learning, networks, plugin_suite, precision, surroundings
from genzoo.testing import laws as of_verbs
from genzoo.testing.golden import golden_outputs_are_reproduced

Break = Callable[[pytest.MonkeyPatch, Any], object]
SHAPE = (1, 4, 4)


def model(name: str = "vae-dense", **options: Any) -> Any:
    return genzoo.create(name, input_shape=SHAPE, latent_dim=2, seed=0, hidden=[8], **options).eval()


def verb(name: str, change: Callable[..., Tensor]) -> Break:
    """Another result of a verb."""

    def apply(patch: pytest.MonkeyPatch, broken: Any) -> None:
        whole = getattr(type(broken), name)

        @wraps(whole)
        def changed(*args: Any, **options: Any) -> Tensor:
            return change(whole(*args, **options))

        patch.setattr(type(broken), name, changed)

    return apply


def instead(name: str, method: Callable[..., Tensor]) -> Break:
    """Another method in the place of a verb, declared as that is."""
    return lambda patch, broken: patch.setattr(type(broken), name, wraps(getattr(type(broken), name))(method))


def never_seeded(self: Any, n: int, **options: Any) -> Tensor:
    return torch.rand(n, *SHAPE)


def always_the_same(self: Any, n: int, **options: Any) -> Tensor:
    return torch.full((n, *SHAPE), 0.5)


def of_all_rows(self: Any, n: int, *, seed: int, **options: Any) -> Tensor:
    draws = torch.Generator().manual_seed(seed)
    return torch.rand(n, *SHAPE, generator=draws) * (1 - 1 / (n + 1))


def said(x: Tensor) -> Tensor:
    print()
    return x


BROKEN: dict[str, tuple[Callable[[Any], None], Break, str]] = {
    "a role without its verb": (
        of_verbs.roles_are_verbs,
        lambda patch, broken: patch.setattr(type(broken), "verbs", ("decode",)),
        "Encoder is True",
    ),
    "a verb that it has not": (
        of_verbs.missing_verbs_are_typed,
        lambda patch, broken: patch.setattr(type(broken), "__getattr__", lambda self, name: None),
        "classify is neither a verb nor refused",
    ),
    "a shape": (of_verbs.shapes_and_ranges, verb("encode", lambda z: z[:, :1]), r"has shape \(1, 1\), not \(1, 2\)"),
    "a range": (of_verbs.shapes_and_ranges, verb("decode", lambda x: x + 1), "goes up to 1"),
    "NaN": (of_verbs.shapes_and_ranges, verb("decode", lambda x: x * float("nan")), "decode is not finite"),
    "a graph": (
        of_verbs.verbs_track_no_gradient,
        verb("encode", lambda z: z.clone().requires_grad_()),
        "tracks gradients",
    ),
    "a draw": (of_verbs.verbs_are_deterministic, verb("encode", lambda z: z + torch.rand(1)), "differs between two"),
    "dropout": (
        surroundings.verbs_ignore_the_mode,
        instead("encode", lambda self, x: torch.full((len(x), 2), float(self.training))),
        "differs in training mode",
    ),
    "a mode that is set": (
        surroundings.verbs_ignore_the_mode,
        instead("encode", lambda self, x: self.eval().posterior(x).mean),
        "encode changes the mode of modules in training mode",
    ),
    "a mode that is looked at late": (
        surroundings.verbs_run_beside_training,
        instead("encode", lambda self, x: self.posterior(x).mean + float(self.training)),
        "encode differs if training begins meanwhile",
    ),
    "a tensor of the default dtype": (
        surroundings.verbs_ignore_the_defaults,
        verb("encode", lambda z: z + torch.zeros(2)),
        "vae-dense.encode under other defaults of torch raises",
    ),
    "samples without a seed": (
        of_verbs.verbs_are_deterministic,
        instead("sample", never_seeded),
        "sample differs between two",
    ),
    "a seed without effect": (
        of_verbs.sample_i_depends_on_seed_and_i,
        instead("sample", always_the_same),
        "give the same pictures",
    ),
    "a sample that knows n": (
        of_verbs.sample_i_depends_on_seed_and_i,
        instead("sample", of_all_rows),
        "depends on n",
    ),
    "a sample that knows its block": (
        of_verbs.sample_ignores_block_and_threads,
        instead("sample", lambda self, n, seed, sampler: torch.full((n, *SHAPE), 1 / self.sample_block)),
        "block size changes pictures by 0.3",
    ),
    "a sample that knows how many threads there are": (
        of_verbs.sample_ignores_block_and_threads,
        instead("sample", lambda self, n, seed, sampler: torch.full((n, *SHAPE), 1 / torch.get_num_threads())),
        "threads changes pictures by 0.5",
    ),
    "told what it does not know": (
        of_verbs.what_is_given_is_checked,
        instead("decode", lambda self, z, **given: self.likelihood(z).mean),
        "decode can be told nothing_like_this",
    ),
    "a latent too many": (
        of_verbs.ways_lead_where_they_say,
        lambda patch, broken: patch.setattr(type(broken), "traverse", lambda self, z, latent: z),
        "moves a latent that it has not",
    ),
    "an edit that mixes its rows": (
        of_verbs.edits_change_what_is_asked,
        verb("encode", lambda z: z + (len(z) > 1)),
        "edit: the batch changes pictures",
    ),
    "an edit of nothing that changes something": (
        of_verbs.edits_change_what_is_asked,
        verb("edit", lambda x: 1 - x),
        "edit changes what it is not asked to",
    ),
    "a state that is no number": (
        of_verbs.state_survives_safetensors,
        lambda patch, broken: broken.register_buffer("wrong", torch.tensor(float("nan"))),
        "NonFiniteWeights: .*wrong",
    ),
    "a state that is not saved": (
        of_verbs.saved_models_load_the_same,
        instead("decode", lambda self, z: torch.full((len(z), *SHAPE), 0.5 if self.checkpoint else 0.25)),
        "decode differs once it is saved",
    ),
    "an input unchecked": (
        of_verbs.wrong_input_is_typed,
        lambda patch, broken: patch.setattr(
            type(broken), "checked", lambda self, x, space, verb: torch.zeros(2, *SHAPE)
        ),
        "takes Tensor",
    ),
    "a copy": (
        of_verbs.copies_are_equal,
        lambda patch, broken: patch.setattr(type(broken), "__deepcopy__", lambda self, memo: model("ae-dense"), False),
        ": a copy differs",
    ),
    "float32 alone": (
        precision.keeps_in_float64,
        verb("decode", lambda x: x.float()),
        "in float64 gives torch.float32",
    ),
    "bfloat16": (
        precision.keeps_in_bfloat16,
        instead("encode", lambda self, x: torch.ones(len(x), 2) * (next(self.parameters()).dtype.itemsize)),
        "in bfloat16 is 2 away, of 4",
    ),
    "a graph that breaks": (
        precision.decode_compiles,
        verb("decode", said),
        "does not compile in one graph",
    ),
    "a batch that is fixed": (
        precision.verbs_export,
        verb("decode", lambda x: x if len(x) == 3 else x + 1),
        "decode cannot be exported: it works for one number of rows alone",
    ),
    "an encoder that looks at values": (
        precision.verbs_export,
        verb("encode", lambda x: x if x.sum() > 0 else -x),
        "encode cannot be exported: torch.export cannot follow it",
    ),
}


def test_every_law_of_models_is_broken_here() -> None:
    assert {law for law, _, _ in BROKEN.values()} == {*LAWS, *precision.TRACING}


@pytest.mark.parametrize(("law", "apply", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_model_breaks_the_law(
    law: Callable[[Any], None], apply: Break, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = model(given={"label": Column.of(["cat", "dog"])} if law is of_verbs.edits_change_what_is_asked else {})
    law(subject)
    apply(monkeypatch, subject)
    with pytest.raises(AssertionError, match=message):
        Case(law=law, subject="it", arguments=lambda: (subject,)).check()


def constant(model: Any, batch: Batch) -> dict[str, Tensor]:
    return {"loss": model.posterior(batch.x).mean.sum(1)}


def upwards(model: Any, batch: Batch) -> dict[str, Tensor]:
    loss = genzoo_elbo(model, batch)["loss"]
    return {"loss": 2 * loss.detach() - loss}


def summed(model: Any, batch: Batch) -> dict[str, Tensor]:
    return {"loss": genzoo_elbo(model, batch)["loss"].sum()}


def genzoo_elbo(model: Any, batch: Batch) -> dict[str, Tensor]:
    from genzoo.objectives.variational import elbo

    return elbo(model, batch)


@pytest.mark.parametrize(
    ("target", "law", "message"),
    [
        ("constant", learning.gradients_reach_every_parameter, "gives decoder.* no gradient"),
        ("upwards", learning.a_step_lowers_the_loss, "does not fall along its gradient"),
        ("summed", learning.terms_are_per_example, r"not \(4,\)"),
    ],
)
def test_a_broken_objective_breaks_the_law(target: str, law: learning.LearningLaw, message: str) -> None:
    elbo = registry().find(Objective, "elbo")
    law(model(), elbo)
    with pytest.raises(AssertionError, match=message):
        law(model(), replace(elbo, config={}, players={"model": f"{__name__}:{target}"}))


class TooWide(nn.Module):
    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), self.outputs + 1)


def test_a_broken_network_breaks_the_law() -> None:
    architecture = Architecture(name="wide", summary="", roles={"encoder": f"{__name__}:TooWide"})
    with pytest.raises(AssertionError, match=r"wide's encoder for \(1, 28, 28\) gives \(1, 8\), not \(1, 7\)"):
        networks.role_keeps_its_shapes(architecture, "encoder")


def test_a_model_that_changed_gives_no_golden_outputs(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(genzoo.show("gan-dense-toy1d").folder, folder)
    assert run(["plugins", "golden", str(folder)]) == 0
    written = folder / "golden.json"
    shipped = genzoo.show("gan-dense-toy1d").folder / "golden.json"
    assert written.read_bytes() == shipped.read_bytes()
    loaded = genzoo.load(folder)
    golden_outputs_are_reproduced(loaded, folder)
    with torch.no_grad():
        next(loaded.generator.parameters()).add_(0.01)
    with pytest.raises(AssertionError, match=r"golden.json: \[\d+\] is .*, not "):
        golden_outputs_are_reproduced(loaded, folder)
    written.unlink()
    with pytest.raises(AssertionError, match="genzoo plugins golden"):
        golden_outputs_are_reproduced(loaded, folder)


def test_golden_outputs_lie_beside_the_record_wherever_the_weights_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, record = "gan-dense-toy1d", genzoo.show("gan-dense-toy1d").folder
    (tmp_path / name).mkdir()
    for file in ("genzoo.json", "model.safetensors"):
        (tmp_path / name / file).write_bytes((record / file).read_bytes())
    monkeypatch.setenv("GENZOO_HUB", str(tmp_path))
    assert genzoo.load(name).source == "directory"
    law = golden_outputs_are_reproduced
    (case,) = (case for case in cases("genzoo") if case.law is law and case.subject == f"checkpoint {name}")
    case.check()


def test_check_holds_one_model_to_every_law() -> None:
    check(model("gan-dense"))


def test_a_failure_says_the_law_the_subject_and_the_figure() -> None:
    def five_is_four(subject: str) -> None:
        """Four is five."""
        raise AssertionError("4 is not 5")

    case = Case(law=five_is_four, subject="arithmetic", arguments=lambda: ("",))
    with pytest.raises(AssertionError) as error:
        case.check()
    assert str(error.value) == ("the law five_is_four does not hold for arithmetic: 4 is not 5. The law: Four is five.")


def test_what_could_not_be_fetched_is_not_a_law_broken() -> None:
    def offline(subject: str) -> None:
        raise NetworkError("no network")

    with pytest.raises(NetworkError):
        Case(law=offline, subject="", arguments=lambda: ("",)).check()


def test_there_is_no_suite_of_what_is_not_installed() -> None:
    with pytest.raises(NotFound, match="genzoo-nowhere is not installed"):
        plugin_suite("genzoo-nowhere")
