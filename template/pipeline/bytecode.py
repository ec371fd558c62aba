"""Compile the libraries of the last stages in a second process, while the first run in an environment reads the inputs.

Python compiles a library when it is imported for the first time, which takes longer than the rest of a first run. A
second process that imports the same libraries writes the same files, each in one step.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from importlib.util import cache_from_source, find_spec
from pathlib import Path

LATE = "datacontract.data_contract, datacontract.engines.ibis.ibis_check_execute, ibis.backends.duckdb"
"""What only `verify` imports."""


def compile_ahead() -> None:
    """Begin to compile, unless that has been done, Python must not write, or there is no second processor."""
    with contextlib.suppress(OSError, ImportError, NotImplementedError, ValueError):
        library = find_spec("datacontract")
        if sys.dont_write_bytecode or (os.cpu_count() or 1) < 2 or library is None or not library.origin:
            return
        folder = Path(library.origin).parent
        if Path(cache_from_source(library.origin)).exists() or not os.access(folder, os.W_OK):
            return
        quiet = subprocess.DEVNULL
        subprocess.Popen(  # noqa: S603 - this Python
            [sys.executable, "-c", f"import {LATE}"],
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
        )
