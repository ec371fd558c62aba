"""Runs `python -m pipeline`, or another module, for each line of standard input, in a fork of this process: JSON with what to run and where.

Prints the fork's process id when it begins, and its exit code when it has ended.

Started by a product's Python once for many runs. More than half of a run on a sample is Python, importing dbt and what
else the pipeline needs, and dbt, making classes and schemas; here that is there already. What the product itself has is
imported by each run.
"""

import atexit
import json
import os
import runpy
import sys
import time
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

import datacontract.data_contract
import datacontract.engines.ibis.ibis_check_execute
import dbt.adapters.factory
import dbt.cli.main
import dbt.task.build
import deltalake
import duckdb
import ibis.backends.duckdb
import jsonschema
import pyarrow.dataset
import pyarrow.parquet
import yaml

LOADED = (datacontract, dbt, deltalake, duckdb, ibis, jsonschema, pyarrow, yaml)
PROJECT = {
    "dbt_project.yml": "{name: warm, version: '1.0', profile: warm, flags: {send_anonymous_usage_stats: false}}",
    "profiles.yml": "{warm: {target: run, outputs: {run: {type: duckdb, path: ':memory:'}}}}",
    "models/one.sql": "select 1 as one",
    "models/one.yml": "{models: [{name: one, columns: [{name: one, tests: [unique]}]}],"
    " unit_tests: [{name: is, model: one, given: [], expect: {rows: [{one: 1}]}}]}",
    "contract.yaml": "{apiVersion: v3.1.0, kind: DataContract, id: one, name: one, version: 1.0.0, status: active,"
    " schema: [{name: one, properties: [{name: one, logicalType: integer}]}]}",
}


def warm() -> None:
    """Lets dbt and datacontract-cli read something. Whatever starts a thread is left out: a fork would not have it."""
    with TemporaryDirectory() as folder:
        for name, text in PROJECT.items():
            file = Path(folder, name)
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        where = ["--project-dir", folder, "--profiles-dir", folder, "--log-path", folder]
        quietly = ["--log-level", "none", "--no-static-parser"]  # that parser has threads
        read = dbt.cli.main.dbtRunner().invoke(["parse", *where, *quietly])
        assert read.success, read.exception
        datacontract.data_contract.DataContract(data_contract_file=f"{folder}/contract.yaml").lint()
    dbt.adapters.factory.reset_adapters()


def become(asked: dict) -> None:
    """As if this process had been started so, in a session of its own."""
    os.setsid()
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    os.chdir(asked["folder"])
    for number, path in enumerate((os.devnull, asked["out"], asked["errors"])):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = [asked["module"], *asked["arguments"]]
    sys.path[0] = asked["folder"]


def run(module: str) -> int:
    """The exit code."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


warm()
for line in sys.stdin:
    child = os.fork()
    if not child:
        asked = json.loads(line)
        become(asked)
        code = run(asked["module"])
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # some library wants to end threads that only the first process has
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
