"""Flow matching: a network of velocities that carries noise to pictures."""

from __future__ import annotations

from collections.abc import Iterable

from genzoo import Architecture, Family, Field, Objective, Record, hookimpl, shipped

GENZOO_API = 2

FLOW = Family(
    name="flow",
    target="genzoo_flow.family:Flow",
    roles=("velocity",),
    summary="flow matching: an ordinary differential equation that carries noise to data",
    conditional=True,
    paper="Flow matching for generative modeling (Lipman et al., 2023), arXiv:2210.02747",
)

MEAN_FLOW = Family(
    name="meanflow",
    target="genzoo_flow.family:MeanFlow",
    roles=("mean_velocity",),
    summary="mean flow: the mean velocity over a time, which carries noise to data in one step",
    conditional=True,
    paper="Mean flows for one-step generative modeling (Geng et al., 2025), arXiv:2505.13447",
)

UNET = Architecture(
    name="unet",
    summary="a U-Net that is told the time; height and width divide by patch·2^(scales − 1)",
    roles={"velocity": "genzoo_flow.nets:velocity", "mean_velocity": "genzoo_flow.nets:mean_velocity"},
    given=("velocity", "mean_velocity"),
    config={
        "channels": Field(
            kind="ints",
            doc="channels at each scale, the finest first, each with half the height and width of the one before",
            default=(32, 64),
            minimum=8,
            maximum=1024,
            length=(1, 6),
        ),
        "patch": Field(
            kind="int",
            doc="pixels are folded into channels, patch × patch of them, before the first scale: faster, and coarser",
            default=1,
            minimum=1,
            maximum=16,
        ),
        "heads": Field(
            kind="int",
            doc="heads of self-attention at the coarsest scale; 0 for none",
            default=1,
            minimum=0,
            maximum=64,
        ),
    },
    paper="U-Net (Ronneberger et al., 2015), arXiv:1505.04597; Denoising diffusion probabilistic models "
    "(Ho et al., 2020), appendix B, arXiv:2006.11239",
    sample_block=16,
    shapes=((3, 8, 4),),
)

CONDITIONAL = Objective(
    name="conditional-flow-matching",
    family="flow",
    players={"model": "genzoo_flow.objectives:conditional_flow_matching"},
    summary="squared error of the velocity along straight paths from noise to data",
    paper="Flow matching for generative modeling (Lipman et al., 2023), arXiv:2210.02747",
)

OPTIMAL_TRANSPORT = Objective(
    name="optimal-transport-flow-matching",
    family="flow",
    players={"model": "genzoo_flow.objectives:optimal_transport_flow_matching"},
    summary="the same, noise and data paired by optimal transport within each batch",
    paper="Improving and generalizing flow-based generative models with minibatch optimal transport "
    "(Tong et al., 2024), arXiv:2302.00482",
)

MEAN = Objective(
    name="mean-flow",
    family="meanflow",
    players={"model": "genzoo_flow.objectives:mean_flow"},
    summary="squared error of the mean velocity over a time, by what its derivative says of it",
    paper="Mean flows for one-step generative modeling (Geng et al., 2025), arXiv:2505.13447",
    exceptions={"a_step_lowers_the_loss": "its weight and its target follow the network, and give no gradient"},
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (FLOW, MEAN_FLOW, UNET, CONDITIONAL, OPTIMAL_TRANSPORT, MEAN, *shipped(__file__))
