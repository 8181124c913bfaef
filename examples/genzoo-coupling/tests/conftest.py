"""The hub of these tests is the folder beside them."""

import os
from pathlib import Path

os.environ["GENZOO_HUB"] = str(Path(__file__).parent.parent / "hub")
