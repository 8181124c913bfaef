from genzoo.testing import plugin_suite

test_plugin = plugin_suite("genzoo-yours")
