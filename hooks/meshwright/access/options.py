"""The options that several commands of `access` share."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from meshwright.product.files import SAMPLE_DIRECTORY

COMMAND = TypeVar("COMMAND", bound=Callable[..., Any])

PRODUCT = click.option(
    "--product", "root", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path(), show_default="here", help="The product's repository."
)  # fmt: skip


def _keep_environment(context: click.Context, _: click.Parameter, name: str | None) -> None:
    context.meta["meshwright.environment"] = name or ""


ENVIRONMENT = click.option(
    "--environment", envvar="PIPELINE_ENVIRONMENT", metavar="NAME", callback=_keep_environment, expose_value=False, help="The ports as they are in one of the spec's environments (or PIPELINE_ENVIRONMENT)."
)  # fmt: skip
DIRECTORY = click.option(
    "--directory", envvar="MESHWRIGHT_DIRECTORY", metavar="FILE", help=f"A file with the corporate directory, or with the address of its LDAP or SCIM server (or MESHWRIGHT_DIRECTORY); to try it out, use {SAMPLE_DIRECTORY}."
)  # fmt: skip
PORTS = click.option(
    "--port", "names", multiple=True, metavar="NAME", help="Only this output port (repeatable)."
)
FORMAT = click.option(
    "--format", "form", type=click.Choice(["human", "json", "markdown"]), default="human", show_default=True
)
AT = click.option(
    "--at", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]), help="At another moment than now (UTC)."
)


def options(*options: Callable[[COMMAND], COMMAND]) -> Callable[[COMMAND], COMMAND]:
    """Return a decorator that adds options to a command, in this order."""

    def decorate(command: COMMAND) -> COMMAND:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def applying(directory: str | None) -> str:
    """Return the command that applies what the current command is about, for a shell."""
    context = click.get_current_context()
    environment = context.meta.get("meshwright.environment", "")
    parts = ["meshwright", "access", "apply"]
    if context.params["root"] != Path():
        parts += ["--product", str(context.params["root"])]
    if environment and environment != os.environ.get("PIPELINE_ENVIRONMENT"):
        parts += ["--environment", environment]
    if directory and directory != os.environ.get("MESHWRIGHT_DIRECTORY"):
        parts += ["--directory", directory]
    for name in context.params["names"]:
        parts += ["--port", name]
    return shlex.join(parts)
