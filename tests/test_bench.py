"""The measurements run: a bench that nobody runs breaks without a word."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from checkout import ROOT


@pytest.mark.slow
def test_the_bench_of_rollouts_runs_on_a_small_fleet() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "bench/rollout.py"],
        env={**os.environ, "SIZES": "3", "SAMPLE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^ +3 repositories .* times as fast", done.stdout, re.MULTILINE), done.stdout
