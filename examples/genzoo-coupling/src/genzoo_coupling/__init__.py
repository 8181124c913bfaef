"""What this plugin offers, as records. genzoo imports this module to list the zoo, so it does not import torch."""

from collections.abc import Iterable

from genzoo import (
    LATENT_DIM,
    Architecture,
    Column,
    DatasetSpec,
    Family,
    Field,
    MetricSpec,
    Objective,
    Record,
    hookimpl,
    shipped,
)

GENZOO_API = 2

COUPLING = Family(
    name="coupling",
    target="genzoo_coupling.family:Flow",
    roles=("bijection",),
    summary="normalizing flow: an invertible network between data and noise, with an exact density",
    config={"latent_dim": LATENT_DIM},
    paper="Variational inference with normalizing flows (Rezende & Mohamed, 2015), arXiv:1505.05770",
)

SPLINE = Architecture(
    name="spline",
    summary="spline couplings: one half of the numbers bends the other, in turn",
    roles={"bijection": "genzoo_coupling.nets:Coupling"},
    config={
        "transforms": Field(kind="int", doc="couplings", default=4, minimum=1, maximum=64),
        "bins": Field(kind="int", doc="pieces of each spline", default=8, minimum=2, maximum=64),
        "hidden": Field(
            kind="ints", doc="widths of the network in each coupling", default=(64, 64), minimum=1, maximum=4096
        ),
    },
    sample_block=512,
    paper="Neural spline flows (Durkan et al., 2019), arXiv:1906.04032",
    shapes=((2,), (5,)),
    exceptions={
        "decode_compiles": "zuko's transforms are objects that torch.compile does not read as one graph",
        "keeps_in_bfloat16": "a trained flow is steep where there are no data: 8 bits come back as other points there",
    },
)

NLL = Objective(
    name="nll",
    family="coupling",
    players={"model": "genzoo_coupling.objective:negative_log_likelihood"},
    summary="negative log-likelihood, exact",
    paper="Density estimation using Real NVP (Dinh et al., 2017), arXiv:1605.08803",
)

EXACT = MetricSpec(
    name="negative-log-likelihood",
    needs=("log_prob",),
    target="genzoo_coupling.metric:negative_log_likelihood",
    unit="nats",
    tolerance=0.001,
    summary="mean negative log-density of the examples, exact",
    protocol={"estimator": "exact"},
)

CODES = DatasetSpec(
    name="mnist-codes",
    target="genzoo_coupling.data:mnist_codes",
    summary="the 32 numbers through which ae-dense-mnist sees each digit of MNIST",
    shape=(32,),
    values="real",
    license="CC-BY-SA-3.0",
    columns={"label": Column.of(list("0123456789"), doc="the digit")},
)


@hookimpl
def genzoo_records() -> Iterable[Record]:
    return (COUPLING, SPLINE, NLL, EXACT, CODES, *shipped(__file__))
