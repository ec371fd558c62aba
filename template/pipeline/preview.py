"""Show the columns, their types and the first rows of inputs, models and the data set, as the code makes them now."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import dbt_packages, stages
from pipeline.build_folder import run_lock
from pipeline.dbt_folders import described, folders
from pipeline.errors import UnreadableInput
from pipeline.ingest import Landed
from pipeline.platforms import Platform
from pipeline.progress import say
from pipeline.spec import Product
from pipeline.sql import identifier

LONGEST = 32
"""Characters of a value that are shown."""


class Stateless(Product):
    """A product whose run neither continues from earlier runs nor leaves anything for the next one."""

    @property
    def state(self) -> None:
        return None


@dataclasses.dataclass(frozen=True)
class Table:
    """An input or a model, as it is on the platform."""

    name: str
    kind: str
    relation: str
    """Its name in the engine's SQL."""
    columns: Mapping[str, str]
    """Column -> type: canonical for inputs, in the engine's spelling for models."""


def preview(product: Product, chosen: str, limit: int) -> None:
    """Ingest and transform, and show the tables: all of them, or the one that is `chosen`. Nothing is published.

    If the transform fails, what exists by then is shown before its error is raised.
    """
    whole = Stateless(**{field.name: getattr(product, field.name) for field in dataclasses.fields(product)})
    problem: UnreadableInput | None = None
    if chosen and not _may_exist(product, chosen):
        names = [*(one.name for one in product.inputs), *sorted(_named_files(product))]
        raise _none(chosen, dict.fromkeys(names))
    dbt_packages.refuse_fetched(product.root)
    with run_lock(product.root), contextlib.chdir(product.root), contextlib.ExitStack() as stack:
        about = stages.about(whole, datetime.now(UTC))
        platform, landed = stages.ingested(whole, about, {}, anew=True, stack=stack)
        try:
            stages.transformed(whole, platform, landed, {}, anew=True)
        except UnreadableInput as error:
            problem = error
        tables = list(_tables(whole, platform, landed))
        # An input and a model may have one name.
        shown = [table for table in tables if chosen in ("", table.name)]
        if chosen and not shown and problem is None:
            raise _none(chosen, dict.fromkeys(table.name for table in tables))
        for table in shown:
            _show(table, platform, limit)
    if problem:
        raise problem


def _none(chosen: str, names: Iterable[str]) -> UnreadableInput:
    return UnreadableInput(f"There is no table {chosen} to preview.", fix=f"Use one of {', '.join(names)}.")


def _may_exist(product: Product, name: str) -> bool:
    """Return False if no run can make a table of this name: nothing in the project is called so, nor mentions it."""
    if name in (product.dataset, *(one.name for one in product.inputs), *_models(product)):
        return True
    files = _named_files(product)
    if name in files:
        return True
    word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")  # such as an alias, or a snapshot's block
    texts = [*files.values(), *described(product.root), product.root / "dbt_project.yml"]
    return any(word.search(file.read_text("utf-8", "replace")) for file in texts if file.suffix != ".csv")


def _named_files(product: Product) -> dict[str, Path]:
    """Return the files of models, seeds and snapshots, those of packages too, by the name of what they make."""
    places = [folder for kind in ("model", "seed", "snapshot") for folder in folders(product.root, kind)]
    places += [product.root / "packages", product.root / "dbt_packages"]
    ends = ("*.sql", "*.py", "*.csv")
    return {
        file.stem: file for place in places for end in ends for file in place.rglob(end) if file.is_file()
    }


def _tables(product: Product, platform: Platform, landed: Mapping[str, Landed]) -> Iterator[Table]:
    """Yield the inputs, the models in the order of the manifest, and the data set last."""
    for name, input in landed.items():
        yield Table(name, "input", platform.input(name), input.columns)
    models = [name for name in _models(product) if name != product.dataset]
    for name in [*models, product.dataset]:
        if columns := platform.columns(name):  # another one failed, is ephemeral, or is in another schema
            yield Table(
                name, "data set" if name == product.dataset else "model", platform.relation(name), columns
            )


def _models(product: Product) -> list[str]:
    try:
        manifest = json.loads((product.build / "dbt" / "manifest.json").read_text("utf-8"))
        nodes = manifest["nodes"].values()
        return [node["alias"] for node in nodes if node["resource_type"] in ("seed", "snapshot", "model")]
    except (OSError, ValueError, LookupError):
        return []


def _show(table: Table, platform: Platform, limit: int) -> None:
    listed = ", ".join(map(identifier, table.columns))
    rows = platform.query(f"select {listed} from {table.relation} limit {limit}") if limit else []
    say(
        "\n".join([f"\n{table.name} ({table.kind})", *_lines(table.columns, rows)]),
        "preview",
        table=table.name,
        kind=table.kind,
        columns=table.columns,
        rows=rows,
    )


def _lines(columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    """Yield a line for each column: its name, its type, and its value in each row."""
    shown = [[_text(value) for value in row] for row in rows]
    names = [_text(name) for name in columns]
    widest, types = max(map(len, names), default=0), max(map(len, columns.values()), default=0)
    widths = [max(map(len, row), default=0) for row in shown]
    screen = shutil.get_terminal_size((120, 24)).columns
    for number, (name, kind) in enumerate(zip(names, columns.values(), strict=True)):
        values = "  ".join(row[number].ljust(width) for row, width in zip(shown, widths, strict=True))
        yield f"  {name:<{widest}}  {kind:<{types}}  {values}"[:screen].rstrip()


def _text(value: object) -> str:
    """Return a value on one line, without characters that control a terminal."""
    text = "NULL" if value is None else str(value)
    text = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text[: LONGEST + 1])
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
