"""``python -m genzoo``: the command line."""

from genzoo.cli import main

main()
