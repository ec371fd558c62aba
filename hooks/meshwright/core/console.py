"""Print an error and its fix, and end the command: the one place that does so."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from meshwright.core.errors import Error


def stop(what: str, fix: str, code: int = 2) -> NoReturn:
    """Print what is wrong and its fix, and exit with `code`. Both texts may contain untrusted input."""
    from meshwright.core.text import printable

    click.echo(f"{printable(what)}\n    fix: {printable(fix)}", err=True)
    sys.exit(code)


@contextmanager
def errors(extra: str) -> Iterator[None]:
    """Print an error raised within and exit; for a missing module, print how to install the package's `extra`."""
    try:
        yield
    except Error as error:
        stop(error.sentence, error.fix, error.exit_code)
    except ModuleNotFoundError as error:
        from meshwright.core.install import NAME, install_command

        if not extra or (error.name or NAME).partition(".")[0] == NAME:
            raise  # not an extra that can be installed, but a bug
        stop(f"{error.name} is not installed.", install_command(extra))


class _Verb(click.Command):
    def __init__(self, *arguments: Any, extra: str = "", **options: Any) -> None:
        """`extra`: the extra of this package that the command needs."""
        super().__init__(*arguments, **options)
        self.extra = extra

    def invoke(self, context: click.Context) -> Any:
        with errors(self.extra):
            return super().invoke(context)


class Verb(_Verb):
    """A command that prints its errors through `stop`."""


class Verbs(_Verb, click.Group):
    """A group of such commands."""
