"""datacontract-cli, in a process of its own, which loads it and reads the contract while the first stages work.

Its libraries take a fifth of the time of a run on the sample. The process serves one caller, one request after the
other, and ends with it. `begin` starts it; without that, the first request does.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pipeline
from pipeline.errors import MAKE_ROOM, UnreadableInput

CODE = (
    "import json, sys; sys.path[:], folders = json.loads(sys.argv[1]); import pipeline; "
    "pipeline.__path__[:] = folders; from pipeline.datacontract_cli import serve; serve()"
)
"""What the process executes: the pipeline of its caller, wherever that is."""
LIBRARIES = (
    "datacontract.data_contract",
    "datacontract.engines.ibis.ibis_check_execute",
    "ibis.backends.duckdb",
)
"""What the requests import."""


class Answer(NamedTuple):
    """What datacontract-cli says of one check."""

    key: str
    type: str
    name: str
    field: str
    result: str
    reason: str
    implementation: Any
    diagnostics: Mapping[str, Any]


class Contract(NamedTuple):
    """A contract as datacontract-cli reads it, and what is wrong with it."""

    content: dict[str, Any]
    wrong: list[str]


def begin(contract: Path) -> None:
    """Start the process, and let it read a contract."""
    global _begun
    if _begun is not None:
        _begun = None
        with contextlib.suppress(Exception):
            _process().receive()  # of a run that ended early; what is wrong there is that run's
    _process().send(_read, str(contract))
    _begun = contract


def read(contract: Path) -> Contract:
    """Return a contract. Raises UnreadableInput if it is no contract at all."""
    global _begun
    if _begun != contract:
        begin(contract)
    _begun = None
    found: Contract = _process().receive()
    return found


def test(
    contract: Mapping[str, Any], database: Path, filters: Mapping[str, str], only: Iterable[str] = ()
) -> list[Answer]:
    """Check the tables of a DuckDB file against a contract; return what datacontract-cli says.

    `filters`: table -> SQL condition of the rows to check. `only`: categories of checks; otherwise all.
    """
    _process().send(_test, dict(contract), str(database), dict(filters), set(only))
    answers: list[Answer] = _process().receive()
    return answers


# -- the caller -----------------------------------------------------------------------------------------------

_begun: Path | None = None
"""The contract that is being read."""
_running: _Process | None = None


class _Process:
    def __init__(self) -> None:
        places = json.dumps([sys.path, list(pipeline.__path__)])
        flags = ["-B"] if sys.dont_write_bytecode else []
        try:
            self.process = subprocess.Popen(  # noqa: S603 - this Python
                [sys.executable, *flags, "-c", CODE, places], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        except OSError as error:
            raise UnreadableInput(f"No process can be started: {error}", fix=MAKE_ROOM) from error

    def send(self, work: Callable[..., Any], *arguments: Any) -> None:
        assert self.process.stdin
        try:
            pickle.dump((work.__name__, arguments), self.process.stdin)
            self.process.stdin.flush()
        except OSError:
            raise self._ended() from None

    def receive(self) -> Any:
        assert self.process.stdout
        try:
            answer, problem, place = pickle.load(self.process.stdout)  # noqa: S301 - of our own process
        except (EOFError, pickle.UnpicklingError):
            raise self._ended() from None
        if problem is not None:
            problem.add_note(place)
            raise problem
        return answer

    def end(self) -> None:
        global _running, _begun
        _running = _begun = None
        self.process.kill()
        with contextlib.suppress(OSError):
            self.process.communicate()

    def _ended(self) -> UnreadableInput:
        code = self.process.wait()
        self.end()
        return UnreadableInput(
            f"The process of datacontract-cli has ended with {code}"
            + (
                ": it was killed, as where the memory is full."
                if code < 0
                else "; its error is printed above."
            ),
            fix=MAKE_ROOM if code < 0 else "Correct what the error names, and run again.",
        )


def _process() -> _Process:
    global _running
    if _running is None:
        _running = _Process()
        atexit.register(_running.end)
    return _running


# -- the process ----------------------------------------------------------------------------------------------


def serve() -> None:
    """Answer requests from standard input, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the caller, too
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    _load()
    while True:
        try:
            name, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 - of our caller
        except EOFError:
            return
        try:
            answer = pickle.dumps((WORK[name](*arguments), None, ""))
        except Exception as error:
            answer = _problem(error)
        with contextlib.suppress(BrokenPipeError):
            answers.write(answer)
            answers.flush()


def _problem(error: Exception) -> bytes:
    place = traceback.format_exc()
    try:
        packed = pickle.dumps((None, error, place))
        pickle.loads(packed)  # noqa: S301 - not every exception can be made again
        return packed
    except Exception:
        return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}"), place))


def _load() -> None:
    """Import at once what the requests need; one that is missing is reported by the request that needs it."""
    with contextlib.suppress(ImportError):
        for name in LIBRARIES:
            importlib.import_module(name)
    logging.getLogger("datacontract").setLevel(logging.CRITICAL)  # the run prints its findings


def _read(file: str) -> Contract:
    from datacontract.data_contract import DataContract
    from open_data_contract_standard.model import OpenDataContractStandard

    run = DataContract(data_contract_file=file).lint()
    wrong = [answer.reason or answer.name for answer in _answers(run) if answer.result != "passed"]
    if wrong:
        return Contract({}, wrong)
    return Contract(OpenDataContractStandard.from_file(file).model_dump(by_alias=True, exclude_none=True), [])


def _test(contract: dict[str, Any], database: str, filters: dict[str, str], only: set[str]) -> list[Answer]:
    from datacontract.data_contract import DataContract
    from open_data_contract_standard.model import OpenDataContractStandard, Server

    model = OpenDataContractStandard.model_validate(contract)
    model.servers = [Server(server="staged", type="duckdb", database=database, schema="main")]
    options: dict[str, Any] = {"filters": filters} if filters else {}
    if only:
        options["check_categories"] = only
    return _answers(DataContract(data_contract=model, server="staged", **options).test())


def _answers(run: Any) -> list[Answer]:
    return [
        Answer(
            check.key or "",
            check.type,
            check.name or check.type,
            check.field or "",
            str(getattr(check.result, "value", check.result)),
            check.reason or "",
            check.implementation,
            check.diagnostics or {},
        )
        for check in run.checks
    ]


WORK: Mapping[str, Callable[..., Any]] = {work.__name__: work for work in (_read, _test)}
