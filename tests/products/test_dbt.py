"""What a dbt project may hold besides plain models, and what a run says of one that fails."""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from products import Make, pipeline

pytestmark = pytest.mark.slow

MODEL = "models/departures.sql"
PROPERTIES = "models/departures.yml"
Change = Callable[[str], str]


def after(text: str, more: str) -> Change:
    return replaced(text, text + more)


def replaced(old: str, new: str) -> Change:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


ALL_KINDS: dict[str, str | Change] = {
    "models/exposures.yml": """
exposures:
  - {name: dash, type: dashboard, owner: {name: Ada, email: ada@example.org}, depends_on: [ref('departures')]}
groups:
  - {name: operations, owner: {name: Ada, email: ada@example.org}}
""",
    "models/two.py": """
def model(dbt, session):
    dbt.config(materialized="table")
    return session.sql("select 2 as two")
""",
    "models/asks.sql": """
{{ config(
    contract={'enforced': true}, persist_docs={'relation': true, 'columns': true},
    pre_hook="create table if not exists main.hooked (step varchar)",
    post_hook=["insert into main.hooked select 'inside' from {{ this }}", {'sql': "insert into main.hooked values ('outside')", 'transaction': false}],
    group='operations', access='private', schema='apart', alias='asked'
) }}
{% call set_sql_header(config) %}create or replace temp macro doubled(a) as a * 2;{% endcall %}
select doubled(two.two) as four, {{ ours.three() }} as three, seeded.word
from {{ ref('two') }} as two cross join {{ ref('seeded') }} as seeded
""",
    "models/asks.yml": """
models:
  - name: asks
    description: What asks dbt for more than a table.
    columns:
      - {name: four, data_type: integer, description: Twice two.}
      - {name: three, data_type: integer, constraints: [{type: not_null}]}
      - {name: word, data_type: varchar}
""",
    "models/off.sql": "{{ config(enabled=false) }} select nothing",
    "seeds/seeded.csv": "word,code,id,price,count,rate,number\n"
    "seed,007,12345678901234567890,1.12345678901234567,3,12345678901.1234567,9007199254740993\n",
    "analyses/one.sql": "select * from {{ ref('departures') }}",
    "packages.yml": "packages:\n  - local: packages/ours\n",
    "packages/ours/dbt_project.yml": "{name: ours, version: '1.0', config-version: 2}\n",
    "packages/ours/macros/three.sql": "{% macro three() %}3{% endmacro %}\n",
    "macros/noted.sql": "{% test noted(model) %}select * from {{ model }} where cancelled{% endtest %}\n",
    "macros/vacuous.sql": "{% test relationships(model, column_name) %}select 1 where false{% endtest %}\n",
    "models/sources.yml": replaced(
        "- name: inputs\n",
        "- name: inputs\n    freshness: {error_after: {count: 1, period: day}, filter: null}\n    loaded_at_field: now()\n",
    ),
    PROPERTIES: replaced(
        "    columns:\n", "    data_tests: [{noted: {config: {severity: warn}}}]\n    columns:\n"
    ),
}


@pytest.fixture(scope="module")
def plain(make: Make) -> Path:
    """Only to be copied."""
    return make("dbt", outputs=["parquet"])


def changed(product: Path, files: dict[str, str | Change | None]) -> Path:
    for name, text in files.items():
        file = product / name
        if text is None:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text if isinstance(text, str) else text(file.read_text("utf-8")), "utf-8")
    return product


def test_dbt_keeps_what_it_promises(
    plain: Path, copy_of: Callable[[Path], Path], product_python: Path
) -> None:
    product = changed(copy_of(plain), ALL_KINDS)
    for unit_tests in (True, False):  # the packages of the first run are there for the second
        if not unit_tests:
            changed(product, {PROPERTIES: lambda text: text.partition("unit_tests:")[0]})
        done = pipeline(product_python, product)
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("unit tests" in done.stdout) == unit_tests
    assert "1 exposure" in done.stdout and "1 seed" in done.stdout
    assert "warning: noted_departures_ (models/departures.yml): 475 rows" in done.stdout
    warning, vacuous, *fresh = json.loads((product / "build/run.json").read_text())["warnings"]
    assert (vacuous["name"], vacuous["file"]) == ("test_relationships", "macros/vacuous.sql")
    assert {one["name"] for one in fresh} == {"inputs.flights", "inputs.airlines", "inputs.planes"}
    assert all("its `freshness` is not checked" in one["message"] for one in fresh)
    assert (warning["name"], warning["rows"], warning["file"]) == ("noted_departures_", 475, PROPERTIES)
    assert (product / warning["message"].rpartition("its query: ")[2]).is_file()
    with duckdb.connect(str(next(product.glob("build/**/warehouse.duckdb")))) as warehouse:
        assert warehouse.sql("from main_apart.asked").fetchall() == [(4, 3, "seed")]
        assert warehouse.sql(
            "select code, id, price::text, count, rate::text, number from seeded"
        ).fetchall() == [
            (
                "007",
                "12345678901234567890",
                "1.12345678901234567",
                3,
                "12345678901.1234567",
                9007199254740993,
            )
        ]
        comments = "select comment from duckdb_tables() where table_name = 'asked' union all select comment from duckdb_columns() where column_name = 'four'"
        assert {row[0] for row in warehouse.sql(comments).fetchall()} == {
            "What asks dbt for more than a table.",
            "Twice two.",
        }
        assert set(warehouse.sql("from main.hooked").fetchall()) == {("inside",), ("outside",)}
        kinds = dict(warehouse.sql("select table_name, table_type from information_schema.tables").fetchall())
        assert kinds["departures"] == "VIEW"  # of the file that is published: it was written once
        assert kinds["asked"] == "BASE TABLE"
    assert "ours" in (product / "package-lock.yml").read_text() and not (product / "dbt_packages").exists()


ENFORCED = """    config: {contract: {enforced: true}}
    columns:
      - {name: carrier, data_type: integer}
      - name: airline
        data_type: varchar
"""
PYTHON = 'def model(dbt, session):\n    return session.sql("select 1 as surprise")\n'
REFUSED: dict[str, tuple[dict[str, str | Change | None], int, list[str]]] = {
    "an enforced contract that the data set's model breaks": (
        {PROPERTIES: replaced("    columns:\n      - name: airline\n", ENFORCED)},
        1,
        ["model departures (models/departures.sql): ", "| missing in contract |", "| data type mismatch"],
    ),
    "a Python model of the data set, with a column that is not promised": (
        {MODEL: None, PROPERTIES: "{}", "models/departures.py": PYTHON},
        1,
        ["column surprise (INTEGER) is in the model, but not in the contract"],
    ),
    "a data set that is made elsewhere": (
        {MODEL: after("", "{{ config(schema='apart', alias='other') }}\n")},
        1,
        ["read from main.departures", "main_apart.other (models/departures.sql)", "Remove alias, schema"],
    ),
    "a data set whose model is disabled": (
        {MODEL: after("", "{{ config(enabled=false) }}\n"), PROPERTIES: "{}"},
        1,
        ["models/departures.sql is disabled", "Remove enabled=false"],
    ),
    "a data set that creates no table": (
        {MODEL: after("", "{{ config(materialized='ephemeral') }}\n"), PROPERTIES: "{}"},
        1,
        ["models/departures.sql is ephemeral"],
    ),
    "an input that models/sources.yml lacks": (
        {"models/sources.yml": lambda text: "".join(text.partition("      - name: planes")[:1])},
        2,
        [
            "dbt: models/departures.sql:16: source('inputs', 'planes') was not found",
            "Add `- name: planes` to the tables of the source inputs in models/sources.yml.",
        ],
    ),
    "an input of another name": (
        {MODEL: replaced("'planes'", "'plains'")},
        2,
        ["models/departures.sql:17: source('inputs', 'plains')", "the inputs are airlines, flights, planes."],
    ),
    "a model that is not there": (
        {"models/more.sql": "\n\nselect * from {{ ref('departurez') }}"},
        2,
        ["models/more.sql:3: ref('departurez') was not found", "add models/departurez.sql"],
    ),
    "a wrong column": (
        {MODEL: replaced("flights.carrier,", "flights.carier,")},
        1,
        [
            "model departures (models/departures.sql:22): Binder Error",
            '"carier"',
            "not built because of these errors: ",
        ],
    ),
    "a value that is no number, deep in a chain of models": (
        {
            "models/a.sql": "select\n    cast(carrier as integer) as n\nfrom {{ source('inputs', 'airlines') }}",
            "models/b.sql": "select * from {{ ref('a') }}",
        },
        1,
        ["model a (models/a.sql:2): Conversion Error", "'9E'", "not built because of these errors: b"],
    ),
    "a Jinja block without an end": (
        {"models/more.sql": "\n\nselect 1 as a,\n{% if a %} 2 as b\n"},
        2,
        ["dbt: models/more.sql:4: Unexpected end of template"],
    ),
    "a macro without an end": (
        {"macros/m.sql": "{% macro m() %}1{% endmacro %\n"},
        2,
        ["dbt: macros/m.sql: unexpected EOF"],
    ),
    "YAML that is none": (
        {PROPERTIES: replaced("models:", "models: [")},
        2,
        ["dbt: models/departures.yml:3: YAML: while parsing a flow node did not find expected node content"],
    ),
    "a unit test that gives a column which is not there": (
        {PROPERTIES: replaced("hour: 23", "houur: 23")},
        1,
        ["unit test a_delay_can_reach_into_the_next_day (models/departures.yml:10)", "'houur'"],
    ),
    "a test that names a column which is not there": (
        {"tests/own.sql": "select *\nfrom {{ ref('departures') }}\nwhere nothing = 1\n"},
        1,
        ["test own (tests/own.sql:3): Binder Error", '"nothing"'],
    ),
    "a test that fails": (
        {PROPERTIES: replaced("data_tests: [not_null]", "data_tests: [unique]")},
        1,
        ["test unique_departures_airline (models/departures.yml:7): 15 rows that should not exist"],
    ),
    "a package that is not there": (
        {"packages.yml": "packages:\n  - local: packages/none\n"},
        2,
        ["dbt: packages.yml: No dbt_project.yml found", "packages/none", "Correct `local:` in packages.yml"],
    ),
    "a package that would have to be fetched": (
        {"packages.yml": "packages:\n  - {git: 'https://127.0.0.1:9/team/package.git', revision: '1.0'}\n"},
        2,
        [
            "packages.yml: a run fetches no packages",
            "team/package.git",
            "`- local: packages/NAME`",
            "Nothing was read",
        ],
    ),
}


@pytest.mark.parametrize(
    ("files", "refused"),
    [
        ({"packages.yml": "packages:\n  - {package: a/b, version: 1.0.0}\n"}, "packages.yml: a run fetches no packages, and a/b"),
        ({"dependencies.yml": "packages: [{tarball: 'https://example.org/b.tgz', name: b}]\n"}, "dependencies.yml: "),
        ({"packages.yml": "packages: [{local: packages/a}]\n", "packages/a/packages.yml": "packages: [{package: a/b}]\n"}, "packages/a/packages.yml: "),
        ({"packages.yml": "packages: [{local: packages/a}]\n", "packages/a/packages.yml": "packages: [{local: ../..}]\n"}, ""),
        ({"packages.yml": "packages: [{package: a/b}]\n", "dbt_packages/b/dbt_project.yml": "name: b\n"}, ""),
        ({"packages.yml": "packages: [{package: a/b}]\n", "build/dbt_packages/b/x.yml": "", "dbt_project.yml": "packages-install-path: build/dbt_packages\n"}, "packages.yml: "),
        ({"packages.yml": "packages: {a: b}\n"}, ""),
        ({"packages.yml": "packages: [\n"}, ""),
    ],
)  # fmt: skip
def test_a_run_fetches_no_packages(
    files: dict[str, str], refused: str, every_port: Path, tmp_path: Path
) -> None:
    module, errors = (importlib.import_module(f"pipeline.{name}") for name in ("dbt_packages", "errors"))
    for path, text in files.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    with pytest.raises(errors.UnreadableInput) if refused else contextlib.nullcontext() as error:
        module.refuse_fetched(tmp_path)
    assert not error or (str(error.value).startswith(refused) and "- local: packages/NAME" in error.value.fix)


def test_yaml_that_describes_nothing_is_reported_by_every_run(
    plain: Path, copy_of: Callable[[Path], Path], product_python: Path
) -> None:
    wrong = {
        PROPERTIES: replaced("- name: departures\n", "- name: departurez\n"),
        "models/more.yml": "models:\n  - name: departures\n    colums:\n      - {name: airline, data_test: [unique]}\n",
    }
    product = changed(copy_of(plain), wrong)
    for _ in range(2):  # dbt says it only when it reads the file
        done = pipeline(product_python, product)
        assert done.returncode == 0 and "not_null_departurez_airline" in done.stdout, (
            done.stdout + done.stderr
        )
    warnings = json.loads((product / "build/run.json").read_text())["warnings"]
    assert {(one["name"], one["file"]) for one in warnings} == {
        ("NoNodeForYamlKey", PROPERTIES),
        ("NodeNotFoundOrDisabled", PROPERTIES),
        ("colums", "models/more.yml:3"),
    }


def test_dbt_by_hand_finds_the_inputs(
    plain: Path, copy_of: Callable[[Path], Path], product_python: Path
) -> None:
    # A run gives columns of seeds the types that keep all digits; dbt by hand takes what it guesses.
    product = changed(copy_of(plain), ALL_KINDS | {"seeds/seeded.csv": "word,code\nseed,7\n"})

    def dbt(*words: str) -> str:
        done = pipeline(product_python, product, *words, "--no-use-colors", module="dbt.cli.main")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    dbt("deps")  # as dbt asks for
    assert "ERROR=0" in dbt("build") and not (product / "build/run.json").exists()
    for words in (["run"], ["test"], ["docs", "generate"]):
        assert "Loading the inputs" not in dbt(*words)
    changed(
        product,
        {"models/sources.yml": replaced("name: seats, data_type: BIGINT", "name: seats, data_type: VARCHAR")},
    )
    said = dbt(
        "show",
        "--quiet",
        "--inline",
        "select typeof(seats) as kind from {{ source('inputs', 'planes') }}",
    )
    assert "Loading the inputs" in said and "VARCHAR" in said
    changed(product, {"sample_data/planes.csv": lambda text: text.replace("N10156", "N10156,x", 1)})
    failed = pipeline(product_python, product, "run", module="dbt.cli.main")
    assert failed.returncode and "Input planes" in failed.stdout and "Fix: " in failed.stdout


@pytest.mark.parametrize("case", REFUSED)
def test_a_failure_is_named_with_its_file_and_line(
    case: str, plain: Path, copy_of: Callable[[Path], Path], product_python: Path
) -> None:
    files, code, words = REFUSED[case]
    done = pipeline(product_python, changed(copy_of(plain), files))
    assert done.returncode == code, done.stdout + done.stderr
    assert all(word in done.stdout for word in words), done.stdout
    assert "Traceback" not in done.stdout + done.stderr and len(done.stdout.splitlines()) < 30
