"""The family of priors over the codes of another model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Self, final

from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution

from genzoo.batch import NOTHING
from genzoo.errors import InvalidInput
from genzoo.models.base import Model, NetworkBuilder, verb
from genzoo.models.conditioning import run
from genzoo.models.sampling import sample_in_blocks
from genzoo.protocols import Sampler
from genzoo.randomness import Noise
from genzoo.spec import Column, ModelSpec, Spaces

__all__ = ["CodePrior"]

NO_PARTS: Mapping[str, Model] = MappingProxyType({})


@final
class CodePrior(Model):
    """p(z) over the codes of a trained autoencoder or VAE, the part ``first_stage``, whose decoder makes samples of
    draws from it: ex-post density estimation (Ghosh et al. 2020, §4). What it is given, c, conditions it: p(z | c).

    An autoencoder samples by it. Of a VAE it takes the place of N(0, I) as the prior, which brings p(z) near to the
    aggregate posterior, the mean of q(z | x) over data (Tomczak & Welling 2018, §3); the bounds on −log p(x) are then
    those of p(z) p(x | z). Its own weights are those of p(z) alone: the first stage is pinned, frozen and shared.

    Attributes:
        network: p(z): ``log_prob(z, given=…)``, (n, latent_dim) -> (n,) in nats, and ``draw(noise, given=…)``, a
            genzoo.Noise of n rows -> (n, latent_dim); `given` where it is told something. One that can be fitted at
            once has ``estimate(z, given, *, seed, **options)`` too, see genzoo.objectives.priors.
    """

    sampler = "fitted"

    def __init__(self, spec: ModelSpec, network: nn.Module) -> None:
        super().__init__(spec)
        self.network: Any = network

    @classmethod
    def build(cls, network: NetworkBuilder, spec: ModelSpec, parts: Mapping[str, Model] = NO_PARTS) -> Self:
        first = parts["first_stage"]
        _check_first_stage(first, spec)
        return cls(spec, network("prior", first.latent_dim))

    @property
    def first_stage(self) -> Any:
        """What encodes and decodes."""
        return self.parts["first_stage"]

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"model": self}

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        return {**super().spaces, "code": self.first_stage.spaces["code"]}

    @property
    def editable(self) -> Mapping[str, Column]:
        return self._known(self.spec.given)

    def check_values(self, values: str) -> None:
        try:
            self.first_stage.check_values(values)
        except InvalidInput:
            record = self.first_stage.checkpoint
            trained = f", {record.dataset}" if record else ""
            raise InvalidInput(
                f"{self.first_stage.name} does not model data whose values are {values}: take the data that it was "
                f"trained on{trained}"
            ) from None

    def log_prior(self, z: Float[Tensor, "n latent"], given: Mapping[str, Tensor] = NOTHING) -> Float[Tensor, " n"]:
        """log p(z | c), in nats. Differentiable."""
        log_p: Tensor = run(self.network.log_prob, z, given=given)
        return log_p

    def draw_codes(self, noise: Noise, given: Mapping[str, Tensor] = NOTHING) -> Float[Tensor, "n latent"]:
        """A draw from p(z | c) for each row of the noise."""
        z: Tensor = run(self.network.draw, noise, given=given)
        return z

    @property
    def posterior(self) -> Callable[..., Distribution]:
        """q(z | x, c) of the first stage, called with x and what is given; AttributeError if that is no VAE."""
        return self._told(self.first_stage.posterior)

    @property
    def likelihood(self) -> Callable[..., Distribution]:
        """p(x | z, c) of the first stage, called with z and what is given; AttributeError if that is no VAE."""
        return self._told(self.first_stage.likelihood)

    @property
    def kl_per_latent(self) -> Callable[[Distribution], Tensor]:
        """KL(q(z_j | x) ‖ N(0, 1)) of each latent, as the first stage learned it: about 0 where one has collapsed,
        whatever the prior is now; AttributeError if the first stage is no VAE."""
        kl: Callable[[Distribution], Tensor] = self.first_stage.kl_per_latent
        return kl

    def _told(self, method: Callable[..., Distribution]) -> Callable[..., Distribution]:
        return lambda value, given=NOTHING: run(method, value, given=self._known(given))

    def _known(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What the first stage is told, of what is given."""
        return {name: value for name, value in given.items() if name in self.first_stage.spec.given}

    @verb(takes="data", gives="code")
    def encode(self, x: Float[Tensor, " n *data"], **given: Any) -> Float[Tensor, "n latent"]:
        """The code of each x, as the first stage has it."""
        z: Tensor = self.first_stage.encode(x, **self._known(given))
        return z

    @verb(takes="code", gives="data")
    def decode(self, z: Float[Tensor, "n latent"], **given: Any) -> Float[Tensor, " n *data"]:
        """The picture of each z, as the first stage decodes it."""
        x: Tensor = self.first_stage.decode(z, **self._known(given))
        return x

    @verb(takes="data", gives="data")
    def reconstruct(self, x: Float[Tensor, " n *data"], **given: Any) -> Float[Tensor, " n *data"]:
        """decode(encode(x))."""
        return self.decode(self.encode(x, **given), **given)

    @verb(takes="noise", gives="data")
    def sample(
        self, n: int, *, seed: int | None = None, sampler: str | Sampler = "", **given: Any
    ) -> Float[Tensor, " n *data"]:
        """Pictures of n draws from p(z); picture i depends on (seed, i) and what it is given alone."""
        return sample_in_blocks(self, n, seed=seed, sampler=sampler, given=given)


def _check_first_stage(first: Model, spec: ModelSpec) -> None:
    """InvalidInput unless there can be a prior over the codes of a model."""
    if not first.has("encode", "decode", "latent_dim"):
        raise InvalidInput(
            f"a prior needs a first stage that encodes to a vector of real numbers and decodes it, as ae and vae do, "
            f"and {first.name} ({first.spec.family}) does not"
        )
    if (first.input_shape, first.values) != (spec.input_shape, spec.values):
        raise InvalidInput(
            f"the first stage {first.name} has examples of shape {first.input_shape} and values {first.values!r}, and "
            f"the model {spec.input_shape} and {spec.values!r}: take the data that the first stage was trained on"
        )
    for name, column in first.spec.given.items():
        if not column.optional and name not in spec.given:
            raise InvalidInput(
                f"the first stage {first.name} must be told its {name}, so the prior is too: write model.given = "
                f"[{name!r}], or --given {name}"
            )
