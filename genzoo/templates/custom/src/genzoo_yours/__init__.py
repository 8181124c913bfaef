"""What this plugin offers, as records: one of each kind; delete what you do not need.

genzoo imports this module to list the zoo, so it does not import torch.
"""

from collections.abc import Iterable

from genzoo import Architecture, Command, DatasetSpec, Family, Field, MetricSpec, Objective, Record, hookimpl, shipped

GENZOO_API = 2

FAMILY = Family(
    name="yours",
    target="genzoo_yours.family:Flow",
    roles=("coupling",),
    summary="normalising flow of affine couplings, on points",
    config={"layers": Field(kind="int", doc="couplings", default=6, minimum=2, maximum=64)},
    paper="Density estimation using Real NVP (Dinh et al., 2017), arXiv:1605.08803",
)

ARCHITECTURE = Architecture(
    name="yours-mlp",
    summary="one hidden layer",
    roles={"coupling": "genzoo_yours.nets:Coupling"},
    config={"width": Field(kind="int", doc="units of the hidden layer", default=64, minimum=1, maximum=4096)},
    shapes=((2,), (3,)),
    sample_block=512,
)

OBJECTIVE = Objective(
    name="yours-likelihood",
    family="yours",
    players={"model": "genzoo_yours.family:negative_log_likelihood"},
    summary="negative log-likelihood, exact",
)

DATA = DatasetSpec(
    name="yours-spiral",
    target="genzoo_yours.data:spiral",
    summary="points about a spiral",
    shape=(2,),
    values="real",
    license="CC0-1.0",
)

METRIC = MetricSpec(
    name="yours-nll",
    needs=("log_prob",),
    target="genzoo_yours.metric:nats",
    unit="nats",
    tolerance=0.01,
    summary="mean of −log p(x), exact",
    protocol={"estimator": "exact"},
)

COMMAND = Command(name="yours", target="genzoo_yours.command:density", summary="The log-density of a point.")


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (FAMILY, ARCHITECTURE, OBJECTIVE, DATA, METRIC, COMMAND, *shipped(__file__))
