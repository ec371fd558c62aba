"""`python -m meshwright`."""

from meshwright.cli import run

run()
