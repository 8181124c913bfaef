"""The laws that every model of genzoo is held to, on what this plugin offers."""

from genzoo.testing import plugin_suite

test_plugin = plugin_suite("genzoo-coupling")
