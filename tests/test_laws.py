"""The laws, over everything that genzoo itself offers, by what a plugin's author tests theirs with."""

from __future__ import annotations

from genzoo.testing import plugin_suite

test_genzoo = plugin_suite("genzoo")
