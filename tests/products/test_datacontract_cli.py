"""The process of datacontract-cli, which needs a product's packages."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from products import SUPPORT


def test_process_answers_and_ends(product_python: Path, every_port: Path) -> None:
    command = [
        product_python,
        "-m",
        "pytest",
        "-q",
        "-c",
        os.devnull,
        "-p",
        "no:cacheprovider",
        "--noconftest",
    ]
    cases = SUPPORT / "datacontract_cli_cases.py"
    done = subprocess.run([*command, cases], cwd=every_port, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
