"""A command of genzoo's command line: ``genzoo yours NAME X Y``."""

import click


@click.command(context_settings={"ignore_unknown_options": True})  # numbers may begin with a minus
@click.argument("name")
@click.argument("point", nargs=-1, required=True, type=float)
def density(name: str, point: tuple[float, ...]) -> None:
    """Print the log-density, in nats, of a flow (a name, or a run folder) at a point."""
    import torch

    import genzoo

    model = genzoo.load(name)
    x = model.checked(torch.tensor([point]), "data", "density")
    with torch.no_grad():
        click.echo(f"{model.log_prob(x).item():.6g}")
