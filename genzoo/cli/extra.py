"""The commands that plugins bring, as records: each is imported when it is called."""

from __future__ import annotations

from typing import Any

import click

from genzoo.errors import GenzooError, PluginError
from genzoo.registry import Plugin, load_target, registry
from genzoo.spec import Command
from genzoo.text import one_line

__all__ = ["Commands"]


class Commands(click.Group):
    """genzoo's own commands, then those of plugins; ``distribution:name`` is a plugin's too."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        others = (name for name in registry().names(Command) if name not in self.commands)
        return [*self.commands, *others]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in self._offered():
            return own
        return _stand_in(cmd_name, *self._offered()[cmd_name])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand:  # of which click compares the name with genzoo's own alone
            raise click.NoSuchCommand(args[0], possibilities=self.list_commands(ctx), ctx=ctx) from None

    def _offered(self) -> dict[str, tuple[Plugin, Command]]:
        entries = list(registry().entries(Command))
        full = {f"{plugin.distribution}:{command.name}": (plugin, command) for _, plugin, command in entries}
        return {name: (plugin, command) for name, plugin, command in entries} | full


def _stand_in(name: str, plugin: Plugin, record: Command) -> click.Command:
    """A command that hands its arguments to a plugin's."""

    def call(arguments: tuple[str, ...]) -> Any:
        owner = f"{plugin.distribution}'s command {record.name}"
        command = load_target(record.target, owner)
        try:
            return command.main(list(arguments), prog_name=f"genzoo {name}", standalone_mode=False)
        except (GenzooError, click.ClickException, click.Abort, OSError):
            raise
        except Exception as error:  # third-party code
            raise PluginError(f"{owner} failed: {type(error).__name__}: {error}") from error

    return click.Command(
        name,
        callback=call,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
        add_help_option=False,  # it is the plugin's to give
        short_help=one_line(f"{record.summary} ({plugin.distribution})"),
    )
