"""The second process of a first run, which compiles what the last stages import."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import cache_from_source, spec_from_file_location
from pathlib import Path

import pytest


@pytest.fixture
def started(
    every_port: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Callable[[], list[list[str]]]]:
    """A library, and what is started to compile it."""
    from pipeline import bytecode

    library = tmp_path / "__init__.py"
    library.touch()
    commands: list[list[str]] = []
    spec = spec_from_file_location("datacontract", library)
    monkeypatch.setattr(bytecode, "find_spec", lambda name: spec)
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: commands.append(command))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)

    def compiled() -> list[list[str]]:
        bytecode.compile_ahead()
        return commands

    return library, compiled


def test_a_first_run_compiles_ahead(started: tuple[Path, Callable[[], list[list[str]]]]) -> None:
    ((python, _, code),) = started[1]()
    assert python == sys.executable and code.startswith("import datacontract")


@pytest.mark.parametrize("reason", ["compiled", "forbidden", "read-only", "one processor", "not installed"])
def test_another_run_does_not(
    reason: str, started: tuple[Path, Callable[[], list[list[str]]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline import bytecode

    library, compiled = started
    match reason:
        case "compiled":
            cached = Path(cache_from_source(str(library)))
            cached.parent.mkdir()
            cached.touch()
        case "forbidden":
            monkeypatch.setattr(sys, "dont_write_bytecode", True)
        case "read-only":
            monkeypatch.setattr(os, "access", lambda *_: False)
        case "one processor":
            monkeypatch.setattr(os, "cpu_count", lambda: 1)
        case "not installed":
            monkeypatch.setattr(bytecode, "find_spec", lambda name: None)
    assert compiled() == []
