"""Products that an orchestrator runs, the environments of the real orchestrators, and a process in place of the pipeline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from children import children_environment
from edits import edit
from filelock import FileLock
from products import BUILD, Make, uv

SUPPORT = Path(__file__).parent
RELEASES = {"airflow": "apache-airflow-core==3.3.2", "dagster": "dagster==1.13.29"}
"""What the blueprints are tested with; docs/how-to/hand-over-to-an-orchestrator.md names them."""
HOSTILE = "{{ 7 * 7 }} {% raw %} $(touch stolen) `touch stolen` <script>alert(1)</script> ../../x.md"
"""A text that is allowed in a spec, and that nothing may take for more than a text."""


def orchestrator_python(name: str) -> Path:
    """The Python of an environment with the orchestrator and nothing of a product, built once and kept between runs."""
    environment = BUILD / f"orchestrator-{RELEASES[name]}"
    python = environment / "bin" / "python"
    with FileLock(BUILD.parent / f"{name}.lock"):
        if not (environment / "ready").exists():
            uv("venv", "--quiet", "--python", sys.executable, str(environment), cwd=BUILD.parent)
            uv("pip", "install", "--quiet", "--python", str(python), RELEASES[name], cwd=BUILD.parent)
            (environment / "ready").touch()
    return python


def stubbed(product: Path, name: str, *arguments: str) -> Path:
    """The same product, whose orchestrator runs stub_pipeline.py in place of the pipeline."""
    shutil.copy(SUPPORT / "stub_pipeline.py", product / "stub.py")
    change(product, name, command=[sys.executable, "stub.py", *arguments])
    return product


def change(product: Path, name: str, **properties: Any) -> None:
    """Gives the trait of the orchestrator properties."""

    def changed(spec: dict[str, Any]) -> dict[str, Any]:
        for trait in spec["spec"]["traits"]:
            if trait["uses"] == f"{name}@1":
                trait["properties"] = properties
        return spec

    edit(product / "data-product.yaml", changed)


def orchestrated(make: Make, name: str) -> dict[str, Path]:
    """A producer on a schedule with two ports, a consumer of it without, and a producer of hostile texts, with levels over time."""
    producer = make("producer", traits=["schedule", name], outputs=["parquet", "delta"])
    consumer = make("consumer", traits=[name], type="consumer-oriented")
    hostile = Path(shutil.copytree(producer, producer.parent / "hostile"))

    def poisoned(spec: dict[str, Any]) -> dict[str, Any]:
        spec["metadata"] |= {"title": HOSTILE, "name": "hostile"}
        spec["spec"]["description"] = dict.fromkeys(("purpose", "usage", "limitations"), HOSTILE)
        spec["spec"]["owner"]["name"] = HOSTILE
        spec["spec"]["classification"] = HOSTILE
        spec["spec"]["serviceLevels"] = [
            {"name": "fresh", "indicator": "freshness", "objective": "<= 999999999999d"},
            {"name": "steady", "indicator": "volume-change", "objective": "<= 20%"},
            {
                "name": "often",
                "indicator": "volume",
                "objective": ">= 1 rows",
                "target": "99%",
                "window": "30d",
            },
        ]
        return spec

    edit(hostile / "data-product.yaml", poisoned)
    stubbed(hostile, name, HOSTILE)
    return {"producer": stubbed(producer, name), "consumer": stubbed(consumer, name), "hostile": hostile}


def impossible(product: Path, name: str, folder: Path) -> dict[str, Path]:
    """Copies of the product that the orchestrator has to refuse, by what is wrong with them."""
    wrong = {
        "renamed": ("name: departures\n", 'name: "../x"\n'),
        "other port": ("name: lake", 'name: "lake{{ 1 }}"'),
        "no trait": (f"uses: {name}@1", "uses: self-update@1"),
    }
    products = {}
    for what, (old, new) in wrong.items():
        copy = products[what] = folder / what
        shutil.copytree(product / "orchestration", copy / "orchestration")
        spec = (product / "data-product.yaml").read_text("utf-8")
        assert old in spec
        (copy / "data-product.yaml").write_text(spec.replace(old, new), "utf-8")
        shutil.copy(product / "contract.odcs.yaml", copy)
    return products


def once(name: str, temporary: Path, work: Callable[[], Any]) -> Any:
    """What `work` returns, which one worker of pytest-xdist does for all of them. `temporary`: the folder of this one."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return work()
    result = temporary.parent / f"{name}.json"
    with FileLock(result.with_suffix(".lock")):
        if not result.exists():
            result.write_text(json.dumps(work(), default=str), "utf-8")
    return json.loads(result.read_text("utf-8"))


def facts(name: str, folder: Path, **given: Any) -> Any:
    """What the worker of the orchestrator reports of the products, in a process of its own.

    The worker runs in the orchestrator's own environment: nothing of this repository's can be imported there.
    """
    asked, answer = folder / "asked.json", folder / "facts.json"
    asked.write_text(
        json.dumps({**given, "folder": str(folder), "answer": str(answer)}, default=str), "utf-8"
    )
    python = orchestrator_python(name)
    environment = children_environment(
        HOME=str(folder),
        AIRFLOW_HOME=str(folder / "airflow"),
        AIRFLOW__CORE__FERNET_KEY="c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ=",
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        DAGSTER_HOME=str(folder),
        DAGSTER_DISABLE_TELEMETRY="1",
        VIRTUAL_ENV="/nowhere",
    )
    done = subprocess.run(
        [python, SUPPORT / f"{name}_worker.py", asked],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return json.loads(answer.read_text("utf-8"))
