"""What core itself offers, as records like a plugin's: families, objectives, data sets. Architectures are plugins'."""

from __future__ import annotations

from collections.abc import Iterable

from genzoo.hookspecs import hookimpl
from genzoo.spec import DatasetSpec, Family, Field, Objective, Record

GENZOO_API = 1

FAMILIES = (
    Family(
        name="ae",
        target="genzoo.models.autoencoder:Autoencoder",
        roles=("encoder", "decoder"),
        summary="autoencoder: a code and back",
        paper="Reducing the dimensionality of data with neural networks (Hinton & Salakhutdinov, 2006)",
    ),
    Family(
        name="vae",
        target="genzoo.models.vae:VAE",
        roles=("encoder", "decoder"),
        summary="variational autoencoder: a latent-variable model with an approximate posterior",
        config={
            "likelihood": Field(
                kind="str",
                doc="type of p(x | z): bernoulli for binary data, gaussian (one learned variance) for grey or colour",
                default="bernoulli",
                choices=("bernoulli", "gaussian"),
            )
        },
        paper="Auto-encoding variational Bayes (Kingma & Welling, 2013), arXiv:1312.6114",
    ),
    Family(
        name="gan",
        target="genzoo.models.gan:GAN",
        roles=("generator", "discriminator"),
        summary="generative adversarial network: a generator and its critic",
        paper="Generative adversarial nets (Goodfellow et al., 2014), arXiv:1406.2661",
    ),
)

_ADVERSARIAL = "genzoo.objectives.adversarial"

OBJECTIVES = (
    Objective(
        name="mse",
        family="ae",
        players={"model": "genzoo.objectives.reconstruction:squared_error"},
        summary="mean squared error of the reconstruction",
    ),
    Objective(
        name="bce",
        family="ae",
        players={"model": "genzoo.objectives.reconstruction:binary_cross_entropy"},
        summary="binary cross-entropy of the reconstruction; an error, not a likelihood, on grey levels",
    ),
    Objective(
        name="elbo",
        family="vae",
        players={"model": "genzoo.objectives.variational:elbo"},
        summary="negative evidence lower bound; beta > 1 is the β-VAE",
        config={"beta": Field(kind="float", doc="weight of the KL term", default=1.0, minimum=0, maximum=1e4)},
        paper="Auto-encoding variational Bayes (Kingma & Welling, 2013); β-VAE (Higgins et al., 2017)",
    ),
    Objective(
        name="minimax",
        family="gan",
        players={
            "discriminator": f"{_ADVERSARIAL}:discriminator",
            "generator": f"{_ADVERSARIAL}:minimax_generator",
        },
        summary="the minimax game as first stated",
        paper="Generative adversarial nets (Goodfellow et al., 2014), eq. 1",
    ),
    Objective(
        name="non-saturating",
        family="gan",
        players={
            "discriminator": f"{_ADVERSARIAL}:discriminator",
            "generator": f"{_ADVERSARIAL}:non_saturating_generator",
        },
        summary="minimax for D, −log D(G(z)) for G",
        paper="Generative adversarial nets (Goodfellow et al., 2014), §3",
    ),
)

_MNIST_LICENSE = "CC-BY-SA-3.0"

DATASETS = (
    DatasetSpec(
        name="mnist",
        target="genzoo.datasets.vision:mnist",
        summary="handwritten digits, grey levels",
        shape=(1, 28, 28),
        values="unit",
        license=_MNIST_LICENSE,
    ),
    DatasetSpec(
        name="mnist-dynamic",
        target="genzoo.datasets.vision:mnist_dynamic",
        summary="handwritten digits, each pixel drawn as Bernoulli(grey level) anew each time it is read",
        shape=(1, 28, 28),
        values="binary",
        license=_MNIST_LICENSE,
    ),
    DatasetSpec(
        name="fashion-mnist",
        target="genzoo.datasets.vision:fashion_mnist",
        summary="photographs of clothes, grey levels",
        shape=(1, 28, 28),
        values="unit",
        license="MIT",
    ),
    DatasetSpec(
        name="cifar10",
        target="genzoo.datasets.vision:cifar10",
        summary="small colour photographs of ten classes",
        shape=(3, 32, 32),
        values="unit",
    ),
    DatasetSpec(
        name="folder",
        target="genzoo.datasets.folder:folder",
        summary="your own images: every picture below the data root, resized to model.input_shape",
        shape=None,
        values="unit",
        splits=("train",),
    ),
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (*FAMILIES, *OBJECTIVES, *DATASETS)
