"""`dbt@1`: `dbt build` in this process, on whatever platform the product runs."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping

from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner

from pipeline.errors import PromiseBroken, UnreadableInput
from pipeline.ingest import Landed
from pipeline.platforms import INPUTS, Platform
from pipeline.spec import Product

GOOD = {"success", "pass", "warn", "skipped"}


def transform(product: Product, platform: Platform, landed: Mapping[str, Landed], *, anew: bool) -> str:
    """Builds and tests the models; returns what was done, in words. `anew`: incremental models too."""
    _write_snapshots(product, landed)
    profiles = product.build / "dbt"
    profiles.mkdir(parents=True, exist_ok=True)
    profile = {"product": {"target": "run", "outputs": {"run": platform.profile()}}}
    # JSON is YAML. Whoever calls dbt by hand gives `--profiles-dir build/dbt`.
    (profiles / "profiles.yml").write_text(json.dumps(profile, indent=2) + "\n", "utf-8")
    options = {
        "--project-dir": product.root,
        "--profiles-dir": profiles,
        "--target-path": profiles,
        "--log-path": product.build / "logs",
        "--vars": json.dumps(product.transform.properties.get("vars", {})),
        # Silent, because the run prints its own progress; dbt's own words are in build/logs/dbt.log.
        "--log-level": "none",
        "--log-level-file": "info",
    }
    words = [str(word) for option in options.items() for word in option]
    if anew:
        words.append("--full-refresh")
    invocation = dbtRunner().invoke(["build", *words, "--no-use-colors"])

    # dbt keeps its connections and its adapter in mind; the next run in this process has its own.
    platform.release()
    reset_adapters()
    if isinstance(invocation.exception, KeyboardInterrupt):
        raise invocation.exception

    results = list(getattr(invocation.result, "results", []))
    failed = [result for result in results if str(result.status) not in GOOD]
    if failed:
        raise PromiseBroken(
            "\n".join(
                f"{result.node.resource_type} {result.node.name}: {(result.message or result.status).strip()}"
                for result in failed
            ),
            mend="Mend the model or its test in models/; build/logs/dbt.log has all that dbt said.",
        )
    if not invocation.success:
        raise UnreadableInput(
            f"dbt: {invocation.exception}", mend="build/logs/dbt.log has all that dbt said."
        )
    counts = Counter(str(result.node.resource_type).replace("_", " ") for result in results)
    return ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items())


def _write_snapshots(product: Product, landed: Mapping[str, Landed]) -> None:
    """What `snapshot@1` keeps the history of, as dbt wants it said."""
    folder = product.build / "snapshots"
    shutil.rmtree(folder, ignore_errors=True)
    traits = [trait.properties for trait in product.traits if trait.uses.startswith("snapshot@")]
    if unknown := [trait["input"] for trait in traits if trait["input"] not in landed]:
        raise UnreadableInput(
            f"snapshot@1 names {unknown[0]}, which is no input.", mend="Mend the trait in data-product.yaml."
        )
    for trait in traits:
        name = trait["input"]
        snapshot = {
            "name": f"{name}_history",
            "relation": f"source('{INPUTS}', '{name}')",
            "config": {
                "unique_key": trait["key"],
                "strategy": "check",
                # Not what a load adds of its own, which is new each time.
                "check_cols": [column for column in landed[name].columns if column not in trait["key"]],
                "hard_deletes": "invalidate",
            },
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yml").write_text(json.dumps({"snapshots": [snapshot]}, indent=2) + "\n", "utf-8")
