"""The page in a notebook: a server in a thread of this process, and a frame that shows it."""

from __future__ import annotations

from html import escape
from pathlib import Path
from threading import Thread
from typing import final

from genzoo.arguments import typed
from genzoo.explore.server import PageServer
from genzoo.explore.studio import Studio
from genzoo.models import Model

__all__ = ["Exploration", "explore"]


@final
class Exploration:
    """A page that is being served, until `close` or the end of the process. A notebook shows it in a frame.

    Attributes:
        url: its address, on this machine.
    """

    def __init__(self, server: PageServer, height: int) -> None:
        self.url = server.url
        self._server, self._height = server, height
        Thread(target=server.serve_forever, name="genzoo-explore", daemon=True).start()

    def close(self) -> None:
        """Stop serving it."""
        self._server.shutdown()
        self._server.server_close()

    def __repr__(self) -> str:
        return f"<a page to explore at {self.url}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        frame = (
            f'<iframe src="{escape(self.url)}" width="100%" height="{self._height}" title="genzoo explore"></iframe>'
        )
        return {"text/plain": repr(self), "text/html": frame}


@typed
def explore(model: Model, *, data_root: str | Path | None = None, height: int = 900) -> Exploration:
    """The page of a model, trained or not, with a slider for each latent: what ``genzoo explore`` opens.

    Args:
        model: what decodes pictures, or points in one or two dimensions.
        data_root: where data sets lie or are downloaded to; pictures to begin with are those of its checkpoint's.
        height: of the frame, in pixels.

    Raises:
        UnsupportedVerb: the model does not decode.
        InvalidInput: what it decodes cannot be shown.
    """
    return Exploration(PageServer(Studio(model, data_root=data_root)), height)
