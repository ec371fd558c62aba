"""Load the inputs for dbt that is called by hand: profiles.yml names this module as a plugin of dbt-duckdb.

dbt's sources are the pipeline's inputs. They are loaded into a database of its own below build/dbt/hand/, before dbt
connects to it for the first time, and again when the spec, the declared types or local files of the inputs have changed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from pipeline import dbt_folders, sample_run, spec, stages
from pipeline.errors import UnreadableInput
from pipeline.preview import Stateless
from pipeline.progress import say
from pipeline.spec import Product

ROOT = Path(__file__).resolve().parent.parent


class ByHand(Stateless):
    """The product, with a folder of its own for what is loaded and built."""

    @property
    def scratch(self) -> Path:
        return self.build / "dbt" / "hand"


class Plugin(BasePlugin):
    """dbt-duckdb creates it before it connects."""

    def initialize(self, config: dict[str, Any]) -> None:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # dbt's output may be JSON
                load(ROOT)
        except UnreadableInput as problem:
            raise DbtRuntimeError(f"The inputs cannot be loaded: {problem}\nFix: {problem.fix}") from problem


def load(root: Path) -> None:
    """Load the inputs, unless they are there as they are now. Raises UnreadableInput."""
    product = spec.load(root, os.environ)
    hand = ByHand(**{field.name: getattr(product, field.name) for field in dataclasses.fields(product)})
    loaded, now = hand.scratch / "inputs.json", json.dumps(sorted(_state(product)))
    if loaded.is_file() and loaded.read_text("utf-8") == now:
        if systems := [source.name for source in product.inputs if source.uses != "file@1"]:
            when = datetime.fromtimestamp(loaded.stat().st_mtime).isoformat(" ", "minutes")
            say(f"{', '.join(systems)}: as loaded at {when}; remove build/dbt/hand to load them again.")
        return
    if product.platform.uses != "duckdb@1":
        raise UnreadableInput(
            f"The product runs on {product.platform.uses}, not on DuckDB.",
            fix="Run `uv run python -m pipeline` once, then call dbt with `--profiles-dir build/dbt`.",
        )
    say("Loading the inputs for dbt by hand; models are built by dbt.")
    for name in ("landed", "dataset", "dlt"):
        shutil.rmtree(hand.scratch / name, ignore_errors=True)
    loaded.unlink(missing_ok=True)
    with contextlib.chdir(root), contextlib.ExitStack() as stack:
        stages.ingested(hand, stages.about(hand, datetime.now(UTC)), {}, anew=True, stack=stack)
    loaded.write_text(now, "utf-8")


def _state(product: Product) -> Iterator[tuple[str, int, int]]:
    """Yield the files that decide what is loaded, with their time of change and size."""
    texts = (text for source in product.inputs for text in sample_run.texts(source.properties))
    for file in (
        product.root / spec.FILE,
        *dbt_folders.described(product.root),
        *spec.local_files(product.root, texts),
    ):
        with contextlib.suppress(OSError):
            if file.is_file():
                yield str(file), file.stat().st_mtime_ns, file.stat().st_size
