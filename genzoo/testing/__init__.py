"""The laws every model is held to, ours and a plugin's alike."""

from __future__ import annotations

from genzoo.testing.laws import LAWS, Law, check

__all__ = ["LAWS", "Law", "check"]
