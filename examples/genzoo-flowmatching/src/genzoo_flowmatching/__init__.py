"""What this plugin offers, as records. genzoo imports this module to list the zoo, so it does not import torch."""

from collections.abc import Iterable

from genzoo import Architecture, Family, Field, Objective, Record, hookimpl, shipped

GENZOO_API = 2
PAPER = "Flow matching for generative modeling (Lipman et al., 2023), arXiv:2210.02747"

FLOW_MATCHING = Family(
    name="flowmatching",
    target="genzoo_flowmatching.family:FlowMatching",
    roles=("velocity",),
    summary="flow matching: an ordinary differential equation that carries noise to data",
    config={
        "solver": Field(kind="str", doc="how the equation is solved", default="euler", choices=("euler", "heun")),
        "steps": Field(kind="int", doc="steps of the solver, of equal size", default=4, minimum=1, maximum=1000),
    },
    paper=PAPER,
)

UNET = Architecture(
    name="unet",
    summary="a small U-Net of two scales that is told the time",
    roles={"velocity": "genzoo_flowmatching.nets:UNet"},
    config={
        "width": Field(kind="int", doc="channels of the first scale", default=32, minimum=8, maximum=512),
    },
    paper="Denoising diffusion probabilistic models (Ho et al., 2020), appendix B, arXiv:2006.11239",
    sample_block=16,
    shapes=((1, 8, 8), (3, 16, 12)),
)

CONDITIONAL = Objective(
    name="conditional-flow-matching",
    family="flowmatching",
    players={"model": "genzoo_flowmatching.objective:conditional_flow_matching"},
    summary="squared error of the velocity along straight paths from noise to data",
    config={
        "sigma_min": Field(
            kind="float", doc="standard deviation of a path at its end", default=1e-4, minimum=0, maximum=1
        )
    },
    paper=PAPER,
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (FLOW_MATCHING, UNET, CONDITIONAL, *shipped(__file__))
