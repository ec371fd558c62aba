"""The command `meshwright adopt`."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import click

from meshwright.core.console import Verb


@click.command(cls=Verb, extra="draft,mesh")
@click.argument("repository", default=".", type=click.Path(path_type=Path))
@click.option(
    "--template", required=True, metavar="URL", help="The template's repository, as `copier copy` takes it."
)
@click.option(
    "--vcs-ref", "version", metavar="VERSION", help="A version of the template (default: the newest release)."
)
@click.option(
    "--data",
    multiple=True,
    metavar="QUESTION=ANSWER",
    help="An answer to one of the template's questions (repeatable).",
)
@click.option("--project", metavar="FOLDER", help="Which of several dbt projects becomes the product.")
@click.option(
    "--subdirectory", metavar="FOLDER", help="The product's folder in a repository with more in it."
)
@click.option(
    "--dataset",
    metavar="MODEL",
    help="The dbt model that the product publishes (default: one that no other reads).",
)
@click.option(
    "--apply",
    is_flag=True,
    help="Commit the result to the branch meshwright/adopt. Without it, nothing changes.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def adopt(
    repository: Path,
    template: str,
    version: str | None,
    data: tuple[str, ...],
    project: str | None,
    subdirectory: str | None,
    dataset: str | None,
    apply: bool,
    form: str,
) -> None:
    """Bring the git repository REPOSITORY (default: the current one) under the template.

    Prints the plan: the files that are new, merged, kept as yours or declined, the answers that the repository gives,
    and what the product will still lack. With --apply, the result is one commit on a branch; nothing else changes.

    Exit codes: 0 planned, applied, or nothing to do; 2 the repository or the template cannot be used.
    """
    from meshwright.adopt.plan import AlreadyAdopted
    from meshwright.adopt.report import as_json_value, as_text
    from meshwright.adopt.run import adopted
    from meshwright.core.git import OF_A_REPOSITORY

    for name in OF_A_REPOSITORY:  # a hook that starts us must not make us, or Copier, work in its repository
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="meshwright-", ignore_cleanup_errors=True) as folder:
        try:
            result = adopted(
                repository, template, version, data, project, subdirectory, dataset, Path(folder), apply=apply
            )
        except AlreadyAdopted as error:
            summary: dict[str, Any] = {"adopted": True, "version": str(error)}
            click.echo(
                json.dumps(summary)
                if form == "json"
                else f"It is a product of this template already, at {error}. Nothing to do: `copier update` brings newer versions."
            )
            return
        click.echo(
            json.dumps(as_json_value(result), indent=2, ensure_ascii=False)
            if form == "json"
            else as_text(result)
        )
