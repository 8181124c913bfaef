"""What core itself offers, as records like a plugin's: families, objectives, samplers, trackers, data sets.

Architectures are plugins'.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from genzoo.fields import Field
from genzoo.hookspecs import hookimpl
from genzoo.spec import (
    LATENT_DIM,
    Column,
    DatasetSpec,
    ExporterSpec,
    Family,
    Objective,
    Record,
    SamplerSpec,
    TrackerSpec,
)

GENZOO_API = 2

FAMILIES = (
    Family(
        name="ae",
        target="genzoo.models.autoencoder:Autoencoder",
        roles=("encoder", "decoder"),
        summary="autoencoder: a code and back",
        config={"latent_dim": LATENT_DIM},
        conditional=True,
        paper="Reducing the dimensionality of data with neural networks (Hinton & Salakhutdinov, 2006)",
    ),
    Family(
        name="vae",
        target="genzoo.models.vae:VAE",
        roles=("encoder", "decoder"),
        summary="variational autoencoder: a latent-variable model with an approximate posterior",
        config={
            "latent_dim": LATENT_DIM,
            "likelihood": Field(
                kind="str",
                doc="type of p(x | z): bernoulli for binary data, gaussian (one learned variance) for grey, colour or "
                "real values, logistic (discretised, one learned scale) for 8-bit grey or colour",
                default="bernoulli",
                choices=("bernoulli", "gaussian", "logistic"),
            ),
        },
        conditional=True,
        paper="Auto-encoding variational Bayes (Kingma & Welling, 2013), arXiv:1312.6114",
    ),
    Family(
        name="gan",
        target="genzoo.models.gan:GAN",
        roles=("generator", "discriminator"),
        summary="generative adversarial network: a generator and its critic",
        config={"latent_dim": LATENT_DIM},
        conditional=True,
        paper="Generative adversarial nets (Goodfellow et al., 2014), arXiv:1406.2661",
    ),
    Family(
        name="features",
        target="genzoo.models.features:FeatureNetwork",
        roles=("encoder",),
        summary="feature network: a classifier, in whose last hidden layer pictures are compared",
        config={
            "latent_dim": LATENT_DIM,
            "classes": Field(
                kind="int",
                doc="how many classes the data has, or how many values all that it predicts",
                minimum=2,
                maximum=1000,
            ),
        },
        predictive=True,
        paper="GANs trained by a two time-scale update rule converge (Heusel et al., 2017), arXiv:1706.08500",
    ),
    Family(
        name="prior",
        target="genzoo.models.prior:CodePrior",
        roles=("prior",),
        summary="prior: a density of the codes of a first stage, by which it samples",
        conditional=True,
        parts=("first_stage",),
        paper="From variational to deterministic autoencoders (Ghosh et al., 2020), arXiv:1903.12436",
    ),
)


_AUGMENT = Field(
    kind="bool",
    doc="for few pictures: D sees real and generated ones with the same random changes of colour and place, and a "
    "square covered (Zhao et al. 2020)",
    default=False,
)


def _adversarial(name: str, discriminator: str, generator: str, **told: Any) -> Objective:
    """An objective of a GAN, by the names of its players' losses in genzoo.objectives.adversarial."""
    room = "genzoo.objectives.adversarial"
    players = {"discriminator": f"{room}:{discriminator}", "generator": f"{room}:{generator}"}
    config = {**told.pop("config", {}), "augment": _AUGMENT}
    return Objective(name=name, family="gan", players=players, config=config, **told)


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
        name="denoising",
        family="ae",
        players={"model": "genzoo.objectives.reconstruction:denoising"},
        summary="mean squared error of the picture restored from a noisy one",
        config={"noise": Field(kind="float", doc="standard deviation", default=0.3, minimum=0, maximum=10)},
        paper="Extracting and composing robust features with denoising autoencoders (Vincent et al., 2008)",
    ),
    Objective(
        name="elbo",
        family="vae",
        players={"model": "genzoo.objectives.variational:elbo"},
        summary="negative evidence lower bound; beta > 1 is the β-VAE",
        config={
            "beta": Field(kind="float", doc="weight of the KL term", default=1.0, minimum=0, maximum=1e4),
            "free_bits": Field(kind="float", doc="nats each latent has for free", default=0.0, minimum=0, maximum=100),
            "annealing_steps": Field(
                kind="int", doc="steps over which beta rises from 0", default=0, minimum=0, maximum=10_000_000
            ),
        },
        paper="Auto-encoding variational Bayes (Kingma & Welling, 2013); β-VAE (Higgins et al., 2017)",
    ),
    Objective(
        name="iwae",
        family="vae",
        players={"model": "genzoo.objectives.variational:importance_weighted"},
        summary="importance weighted bound with k draws",
        config={"k": Field(kind="int", doc="draws of z for each x", default=50, minimum=1, maximum=1000)},
        exceptions={"a_step_lowers_the_loss": "its gradient is that of the mean over draws, not of these draws"},
        paper="Importance weighted autoencoders (Burda et al., 2015), arXiv:1509.00519",
    ),
    Objective(
        name="tcvae",
        family="vae",
        players={"model": "genzoo.objectives.variational:total_correlation"},
        summary="ELBO with the total correlation of the latents weighted by β",
        config={
            "beta": Field(kind="float", doc="weight of the total correlation", default=6.0, minimum=0, maximum=1e4)
        },
        paper="Isolating sources of disentanglement in VAEs (Chen et al., 2018), arXiv:1802.04942",
    ),
    Objective(
        name="cross-entropy",
        family="features",
        players={"model": "genzoo.objectives.classification:cross_entropy"},
        summary="cross-entropy of the predicted classes with those of the data, the sum over what is predicted",
    ),
    Objective(
        name="em",
        family="prior",
        fit="genzoo.objectives.priors:expectation_maximisation",
        summary="expectation maximisation on the codes of all data at once",
        config={
            "regularisation": Field(
                kind="float",
                doc="what is added to the variances of each component, over the mean variance of the codes",
                default=1e-4,
                minimum=1e-12,
                maximum=1.0,
            ),
            "iterations": Field(kind="int", doc="the most there are", default=100, minimum=1, maximum=10_000),
        },
        paper="Maximum likelihood from incomplete data via the EM algorithm (Dempster et al., 1977)",
    ),
    Objective(
        name="maximum-likelihood",
        family="prior",
        players={"model": "genzoo.objectives.priors:maximum_likelihood"},
        summary="−log p of the codes, along its gradient",
    ),
    _adversarial(
        "minimax",
        "discriminator",
        "minimax_generator",
        summary="the minimax game as first stated",
        probability=True,
        paper="Generative adversarial nets (Goodfellow et al., 2014), eq. 1",
    ),
    _adversarial(
        "non-saturating",
        "discriminator",
        "non_saturating_generator",
        summary="minimax for D, −log D(G(z)) for G",
        probability=True,
        paper="Generative adversarial nets (Goodfellow et al., 2014), §3",
    ),
    _adversarial(
        "r1",
        "r1_discriminator",
        "non_saturating_generator",
        summary="non-saturating, with a gradient penalty on data for D",
        config={"gamma": Field(kind="float", doc="weight of the penalty", default=10.0, minimum=0, maximum=1e4)},
        per_example=True,
        probability=True,
        paper="Which training methods for GANs do actually converge? (Mescheder et al., 2018), arXiv:1801.04406",
    ),
    _adversarial(
        "least-squares",
        "least_squares_discriminator",
        "least_squares_generator",
        summary="squared distance of the score to 0 and 1",
        paper="Least squares generative adversarial networks (Mao et al., 2017), arXiv:1611.04076",
    ),
    _adversarial(
        "hinge",
        "hinge_discriminator",
        "wasserstein_generator",
        summary="hinge loss of the score",
        paper="Geometric GAN (Lim & Ye, 2017), arXiv:1705.02894; Spectral normalization (Miyato et al., 2018)",
    ),
    _adversarial(
        "wasserstein",
        "wasserstein_critic",
        "wasserstein_generator",
        summary="Wasserstein distance with gradient penalty; the critic must not normalise over the batch",
        config={"penalty": Field(kind="float", doc="weight of the penalty", default=10.0, minimum=0, maximum=1e4)},
        paper="Improved training of Wasserstein GANs (Gulrajani et al., 2017), arXiv:1704.00028",
        per_example=True,
    ),
)


def _steps(default: int) -> Field:
    return Field(kind="int", doc="steps of equal size", default=default, minimum=1, maximum=1000)


_STEPS = _steps(8)
_GUIDANCE = Field(
    kind="float",
    doc="how much what is told weighs; 1: as learned (Ho & Salimans 2022)",
    default=1.0,
    minimum=0,
    maximum=100,
)

SAMPLERS = (
    SamplerSpec(
        name="prior",
        target="genzoo.sampling:Prior",
        needs=("decode", "noise"),
        summary="standard normal codes, decoded",
    ),
    SamplerSpec(
        name="fitted",
        target="genzoo.sampling:Fitted",
        needs=("decode", "draw_codes"),
        summary="codes from a prior that was learned, decoded",
    ),
    SamplerSpec(
        name="euler",
        target="genzoo.sampling:Euler",
        needs=("velocity", "from_flow"),
        summary="Euler's method, one evaluation of the velocity for each step",
        config={"steps": _STEPS, "guidance": _GUIDANCE},
        paper="Flow matching for generative modeling (Lipman et al., 2023), arXiv:2210.02747",
    ),
    SamplerSpec(
        name="midpoint",
        target="genzoo.sampling:Midpoint",
        needs=("velocity", "from_flow"),
        summary="the midpoint method, two evaluations of the velocity for each step",
        config={"steps": _STEPS, "guidance": _GUIDANCE},
        paper="Flow matching for generative modeling (Lipman et al., 2023), arXiv:2210.02747",
    ),
    SamplerSpec(
        name="heun",
        target="genzoo.sampling:Heun",
        needs=("velocity", "from_flow"),
        summary="Heun's method, two evaluations of the velocity for each step",
        config={"steps": _STEPS, "guidance": _GUIDANCE},
        paper="Elucidating the design space of diffusion-based generative models (Karras et al., 2022), "
        "arXiv:2206.00364",
    ),
    SamplerSpec(
        name="mean-flow",
        target="genzoo.sampling:MeanFlow",
        needs=("mean_velocity", "from_flow"),
        summary="steps of the mean velocity, one evaluation for each; one step may do",
        config={"steps": _steps(1)},
        paper="Mean flows for one-step generative modeling (Geng et al., 2025), arXiv:2505.13447",
    ),
    SamplerSpec(
        name="euler-maruyama",
        target="genzoo.sampling:EulerMaruyama",
        needs=("velocity", "from_flow"),
        summary="the stochastic equation of the same marginals: fresh noise at every step",
        config={
            "steps": _STEPS,
            "noise": Field(
                kind="float", doc="weight of the fresh noise; 0 for none", default=1.0, minimum=0, maximum=10
            ),
            "guidance": _GUIDANCE,
        },
        paper="SiT: exploring flow and diffusion-based generative models (Ma et al., 2024), arXiv:2401.08740",
    ),
)

EXPORTERS = (
    ExporterSpec(
        name="onnx",
        target="genzoo.exporting.formats:write_onnx",
        summary="ONNX, as onnxruntime runs it",
        suffix=".onnx",
        packages=("onnx", "onnxruntime", "onnxscript"),
        install="genzoo[onnx]",
        usage="""\
import onnxruntime

session = onnxruntime.InferenceSession({path})
({gives},) = session.run(None, {named})  # {inputs}; {gives}: {output}
session.get_modelmeta().custom_metadata_map["genzoo"]  # JSON: name, licence, shapes, …
""",
    ),
    ExporterSpec(
        name="pt2",
        target="genzoo.exporting.formats:write_pt2",
        summary="the exported program of torch.export",
        suffix=".pt2",
        usage="""\
import torch

told = {{"genzoo.json": ""}}  # JSON: name, licence, shapes, …
{verb} = torch.export.load({path}, extra_files=told).module()
{gives} = {verb}({called})  # {inputs}; {gives}: {output}
""",
    ),
)

_MNIST_LICENSE = "CC-BY-SA-3.0"
_MNIST_FEATURES = "features-lenet-mnist"
_FASHION_FEATURES = "features-lenet-fashion"


def _toy(name: str, target: str, dimensions: int, summary: str) -> DatasetSpec:
    """A data set of points whose density is known."""
    return DatasetSpec(
        name=name,
        target=f"genzoo.datasets.toy:{target}",
        summary=f"{summary}; the log-density is known",
        shape=(dimensions,),
        values="real",
        license="Apache-2.0",
    )


def _classes(*names: str) -> dict[str, Column]:
    return {"label": Column.of(names, doc="what it shows")}


_DIGITS = _classes(*"0123456789")
_CLOTHES = _classes(
    "t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"
)
_HIRAGANA = _classes(*"おきすつなはまやれを")
_CHARACTERS = _classes(*"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")
_PHOTOGRAPHS = _classes("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

DATASETS = (
    DatasetSpec(
        name="mnist",
        target="genzoo.datasets.vision:mnist",
        summary="handwritten digits, grey levels",
        shape=(1, 28, 28),
        values="unit",
        license=_MNIST_LICENSE,
        features=_MNIST_FEATURES,
        columns=_DIGITS,
    ),
    DatasetSpec(
        name="mnist-dynamic",
        target="genzoo.datasets.vision:mnist_dynamic",
        summary="handwritten digits, each pixel drawn as Bernoulli(grey level) anew each time it is read",
        shape=(1, 28, 28),
        values="binary",
        license=_MNIST_LICENSE,
        pictures="mnist",
        features=_MNIST_FEATURES,
        columns=_DIGITS,
    ),
    DatasetSpec(
        name="mnist-static",
        target="genzoo.datasets.vision:mnist_static",
        summary="handwritten digits, each pixel drawn as Bernoulli(grey level) once, the same on every machine",
        shape=(1, 28, 28),
        values="binary",
        license=_MNIST_LICENSE,
        pictures="mnist",
        features=_MNIST_FEATURES,
        columns=_DIGITS,
    ),
    DatasetSpec(
        name="fashion-mnist",
        target="genzoo.datasets.vision:fashion_mnist",
        summary="photographs of clothes, grey levels",
        shape=(1, 28, 28),
        values="unit",
        license="MIT",
        features=_FASHION_FEATURES,
        columns=_CLOTHES,
    ),
    DatasetSpec(
        name="fashion-mnist-dynamic",
        target="genzoo.datasets.vision:fashion_mnist_dynamic",
        summary="photographs of clothes, each pixel drawn as Bernoulli(grey level) anew each time it is read",
        shape=(1, 28, 28),
        values="binary",
        license="MIT",
        pictures="fashion-mnist",
        features=_FASHION_FEATURES,
        columns=_CLOTHES,
    ),
    DatasetSpec(
        name="kmnist",
        target="genzoo.datasets.vision:kmnist",
        summary="cursive hiragana of ten classes, grey levels",
        shape=(1, 28, 28),
        values="unit",
        license="CC-BY-SA-4.0",
        columns=_HIRAGANA,
    ),
    DatasetSpec(
        name="emnist",
        target="genzoo.datasets.vision:emnist",
        summary="handwritten digits and letters, EMNIST's balanced split of 47 classes, upright, grey levels",
        shape=(1, 28, 28),
        values="unit",
        columns=_CHARACTERS,
    ),
    DatasetSpec(
        name="cifar10",
        target="genzoo.datasets.vision:cifar10",
        summary="small colour photographs of ten classes",
        shape=(3, 32, 32),
        values="unit",
        columns=_PHOTOGRAPHS,
    ),
    DatasetSpec(
        name="svhn",
        target="genzoo.datasets.vision:svhn",
        summary="house numbers, one digit in the middle of each colour photograph",
        shape=(3, 32, 32),
        values="unit",
        license="",
        columns=_DIGITS,
    ),
    DatasetSpec(
        name="celeba",
        target="genzoo.datasets.vision:celeba",
        summary="faces of celebrities in colour, cropped to the middle 148×148 and resized, read as they are needed",
        shape=(3, 64, 64),
        values="unit",
        splits=("train", "valid", "test"),
        license="non-commercial research only",
    ),
    DatasetSpec(
        name="sprites",
        target="genzoo.datasets.sprites:sprites",
        summary="a square, ellipse or heart of any scale, orientation and place: dSprites' factors, drawn",
        shape=(1, 64, 64),
        values="binary",
        splits=("train",),
        license="Apache-2.0",
        factors=("shape", "scale", "orientation", "x", "y"),
    ),
    _toy("toy1d", "toy1d", 1, "numbers from two normals that overlap"),
    _toy("toy1d-bumps", "toy1d_bumps", 1, "numbers from two normals far apart"),
    _toy("toy2d-mixture", "toy2d_mixture", 2, "points from eight normals on a circle"),
    _toy("toy2d-moons", "toy2d_moons", 2, "points about two half circles that reach into each other"),
    _toy("toy2d-ring", "toy2d_ring", 2, "points about a circle"),
    DatasetSpec(
        name="folder",
        target="genzoo.datasets.folder:folder",
        summary="your own images: every picture below the data root, resized to model.input_shape; label is the "
        "subfolder, or what metadata.jsonl or metadata.csv says, as it does text; a tenth is held out",
        shape=None,
        values="unit",
        splits=("train", "test", "all"),
        survey="genzoo.datasets.folder:survey",
    ),
)

TRACKERS = (
    TrackerSpec(
        name="tensorboard",
        target="genzoo.training.track:tensorboard",
        summary="TensorBoard: tensorboard --logdir RUN/tracking",
        module="tensorboard",
        install="genzoo[tensorboard]",
    ),
    TrackerSpec(
        name="wandb",
        target="genzoo.training.track:wandb",
        summary="Weights & Biases, in the project of the recipe's name",
        module="wandb",
    ),
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (*FAMILIES, *OBJECTIVES, *SAMPLERS, *EXPORTERS, *TRACKERS, *DATASETS)
