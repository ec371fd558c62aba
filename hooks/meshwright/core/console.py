"""How a verb ends when a person has to fix something: the one place that prints an error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from meshwright.core.errors import Error


def stop(what: str, fix: str, code: int = 2) -> NoReturn:
    """Print what is wrong and its fix, and exit with `code`. Both may quote what nobody vouches for."""
    from meshwright.core.text import printable

    click.echo(f"{printable(what)}\n    fix: {printable(fix)}", err=True)
    sys.exit(code)


@contextmanager
def errors(extra: str) -> Iterator[None]:
    """End the command with the error that is raised within, or with how to install what `extra` of ours has."""
    try:
        yield
    except Error as error:
        stop(error.sentence, error.fix, error.exit_code)
    except ModuleNotFoundError as error:
        from meshwright.core.install import NAME, install_command

        if not extra or (error.name or NAME).partition(".")[0] == NAME:
            raise  # nothing that somebody can install, but a fault of ours
        stop(f"{error.name} is not installed.", install_command(extra))


class _Verb(click.Command):
    def __init__(self, *arguments: Any, extra: str = "", **options: Any) -> None:
        """`extra`: the extra of this package that the verb needs."""
        super().__init__(*arguments, **options)
        self.extra = extra

    def invoke(self, context: click.Context) -> Any:
        with errors(self.extra):
            return super().invoke(context)


class Verb(_Verb):
    """A command that ends in one way, whatever is wrong."""


class Verbs(_Verb, click.Group):
    """A group of such commands."""
