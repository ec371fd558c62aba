"""`python -m pipeline`, or `python DIR/pipeline`: ingest, transform, verify the contract, publish to every output port."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from argparse import ArgumentParser
from pathlib import Path

if not __package__:  # started by its path
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    if not any(word.startswith("--project") for word in sys.argv):
        sys.argv[1:1] = ["--project", sys.path[0]]

import pipeline

options = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
options.add_argument("--project", type=Path, nargs="?")
code = (options.parse_known_args()[0].project or Path()) / "pipeline"
if (code / "run.py").is_file():  # use the product's own code
    pipeline.__path__[:] = [str(code.resolve())]

try:
    from pipeline.run import main  # of that code
except ImportError as error:
    if not (file := pipeline.missing_file(error)):
        raise
    print(
        f"{file} is missing; the pipeline cannot run without it.\nfix: {pipeline.restore(file)}",
        file=sys.stderr,
    )
    sys.exit(2)

ended = main()
if ended > 128:
    # A signal that arrived inside of `exec` of a library would make Python end as if by Ctrl-C, whatever its exit code.
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(ended)
sys.exit(ended)
