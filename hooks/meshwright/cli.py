"""The `meshwright` command: one verb for each thing that the platform does for a product or for the mesh.

Exit codes: 0 all kept, 1 a promise is not kept, 2 wrong usage or unreadable input. Only the verb that runs is
imported, and it imports what it needs when it runs.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Any

import click

VERBS = {
    "access": "access",
    "adopt": "adopt",
    "assess": "assess",
    "capabilities": "capabilities",
    "catalog": "catalog",
    "check": "check",
    "draft": "draft",
    "export": "export",
    "map": "draw",
    "rollout": "rollout",
    "survey": "survey",
}
"""Verb -> its command, in `command.py` of the package that is called like the verb."""


class _Commands(dict[str, Any]):
    """Verb -> its command, imported when it is asked for."""

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(import_module(f"meshwright.{name}.command"), VERBS[name]) if name in self else default

    __getitem__ = get


@click.group(commands=_Commands(VERBS), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="meshwright")
def main() -> None:
    """Check data products and operate a data mesh, from what each product declares in its repository."""


def run() -> None:
    """Run the command; a signal ends it as an error does, so that temporary files, which may have personal data, go."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    main()


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)
