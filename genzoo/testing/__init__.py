"""The laws every model, record and plugin is held to, genzoo's own and third-party ones.

A plugin's whole test file:

    from genzoo.testing import plugin_suite

    test_plugin = plugin_suite("genzoo-yours")
"""

from __future__ import annotations

from genzoo.testing.case import Case
from genzoo.testing.golden import write_golden
from genzoo.testing.laws import LAWS, Law, check
from genzoo.testing.suite import cases, declared, plugin_suite

__all__ = ["LAWS", "Case", "Law", "cases", "check", "declared", "plugin_suite", "write_golden"]
