"""What a plugin may offer. A plugin is a module (or object) behind an entry point of the group ``genzoo.plugins``."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from genzoo.spec import Record

__all__ = ["API_VERSION", "hookimpl"]

API_VERSION = 2
"""The plugin interface this genzoo speaks; a plugin states its own as ``GENZOO_API = 2``."""

hookspec = pluggy.HookspecMarker("genzoo")
hookimpl = pluggy.HookimplMarker("genzoo")


@hookspec
def genzoo_records() -> Iterable[Record]:  # type: ignore[empty-body]  # a hook specification has no body
    """Return the records this plugin offers: architectures, families, objectives, data sets, recipes, checkpoints.

    It is called to list the zoo, so it must not import torch: records name code by ``"module:attribute"`` strings.
    """
