"""What is not imported: looked at in a process of its own, through sys.modules; and that no imports go in circles."""

from __future__ import annotations

import json
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

import genzoo

HEAVY = ("torch", "torchvision", "numpy", "huggingface_hub", "PIL", "jaxtyping")

CLI = "from genzoo.cli import run; assert run({!r}) == 0"


def modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys, json; print('\\n' + json.dumps([m for m in sys.modules if '.' not in m]))"
    result = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(json.loads(result.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import genzoo",
        "import genzoo; genzoo.list_models(); genzoo.Encoder; genzoo.hookimpl",
        "import genzoo; [genzoo.show(name) for name in genzoo.list_models()]",
        *(
            CLI.format(arguments)
            for arguments in (["list"], ["list", "--json"], ["plugins"], ["--help"], ["--version"])
        ),
        *(CLI.format(["show", name]) for name in genzoo.list_models()[:1]),
    ],
)
def test_listing_imports_nothing_heavy(code: str) -> None:
    assert not modules_after(code) & set(HEAVY)


def test_listing_imports_no_network_of_a_plugin() -> None:
    assert "genzoo_conv" in modules_after("import genzoo; genzoo.list_models()")
    script = "import genzoo, sys; genzoo.list_models(); print([m for m in sys.modules if m.endswith('.nets')])"
    result = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert result.stdout == "[]\n"


LOAD_AND_SAMPLE = """
import genzoo
for name in genzoo.list_models():
    model = genzoo.load(name)
    if "sample" in model.verbs:
        model.sample(2, seed=0)
"""


def test_load_and_sample_import_neither_torchvision_nor_the_hub() -> None:
    loaded = modules_after(LOAD_AND_SAMPLE)
    assert "torch" in loaded
    assert not loaded & {"torchvision", "huggingface_hub", "PIL"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions count; those for type checkers do not."""
    graph = grimp.build_graph("genzoo", exclude_type_checking_imports=True)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 100
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle of imports: {' <- '.join(error.args[1])}") from None


def test_no_module_imports_the_public_names() -> None:
    """They come from all over the package, so that whoever takes one of them would close a circle: genzoo's own version
    is the only name that modules take from there."""
    graph = grimp.build_graph("genzoo", exclude_type_checking_imports=True)
    importers = graph.find_modules_that_directly_import("genzoo")
    details = [
        detail for module in importers for detail in graph.get_import_details(importer=module, imported="genzoo")
    ]
    names = {
        name for detail in details for name in detail["line_contents"].removeprefix("from genzoo import ").split(", ")
    }
    assert {name for name in names if f"genzoo.{name}" not in graph.modules} == {"__version__"}
