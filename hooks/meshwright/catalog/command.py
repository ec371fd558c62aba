"""The `catalog` verb's commands."""

from __future__ import annotations

import click


@click.group()
def catalog() -> None:
    """The organisation's catalog: publishes products to it, and serves the embedded one.

    Exit codes: 0 done; 1 refused, by a rule or by the catalog; 2 wrong usage, unreadable input, or no answer.
    """
