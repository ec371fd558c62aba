"""What an input's columns are declared to be, and which types are certain without a declaration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.check.rules.inputs import InputsDeclared
from meshwright.core.yaml import Document, read

SAME = {
    "int": "INTEGER",
    "decimal(10, 2)": "DECIMAL(10,2)",
    "NUMERIC": "DECIMAL(18,3)",
    "hugeint": "DECIMAL(38,0)",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "timestamp(6) with time zone": "TIMESTAMP WITH TIME ZONE",
    "timestamp without time zone": "TIMESTAMP",
    "double precision": "DOUBLE",
    "character varying(255)": "VARCHAR(255)",
    'struct(a int, "b c" text[])[]': 'STRUCT(a INTEGER, "b c" VARCHAR[])[]',
    "array<struct<a: int, b: string>>": "STRUCT(a INTEGER, b VARCHAR)[]",
    "map(varchar, bigint)": "MAP(VARCHAR, BIGINT)",
}
UNKNOWN = ["", "(2) decimal", "money", "int int", "int(", "int 5", "decimal(40,2)", "decimal(2,3)", "STRUCT()", "STRUCT(a)", "array",
           "STRUCT(a INT, A INT)", "time with time zone", "varchar)", "varchar(1,2)", "timestamp(9)", "1", '"int"']  # fmt: skip

CERTAIN: dict[str, list[list[str | None]]] = {
    "": [[], [None]],
    "BIGINT": [["0", "-1", None, "9223372036854775807", "-9223372036854775808"]],
    "DECIMAL(18,2)": [["1", "1.25"], ["1.25", "-3"], ["-0.50"]],
    "DECIMAL(38,1)": [["9223372036854775808", "1.5"]],
    "DECIMAL(38,17)": [["0.30000000000000004", "12.3"]],
    "BOOLEAN": [["true", "FALSE", "True"]],
    "DATE": [["2024-02-29", "0001-01-01"]],
    "TIME": [["10:00:00", "23:59:59.123456"]],
    "TIMESTAMP": [["2024-01-01 10:00", "2024-01-01T10:00:00.5"]],
    "TIMESTAMP WITH TIME ZONE": [["2024-01-01T10:00:00Z", "2024-01-01 10:00+02:00"]],
    "VARCHAR": [
        [text]
        for text in ("007", "+5", "-0", "-0.00", ".5", "5.", "1e5", "NaN", "inf", "1,000", " 5", "", "9223372036854775808",
                     "1" * 38 + ".1", "2023-02-29", "0000-01-01", "01/02/2025", "10-11-12", "24:00:00", "10:00", "t", "٣",
                     "2024-01-01T10:00:00.1234567", "2024-01-01T10:00:00z", "1\n")
    ]
    + [["1", "x"], ["1.5", "true"], ["true", "1"], ["2024-01-01", "2024-01-01 10:00"],
       ["2024-01-01 10:00Z", "2024-01-01 10:00"], ["9223372036854775808", "1"], ["1", "2024-01-01", "2"]],
}  # fmt: skip

MISSHAPEN = {
    "sources:\n\t- x": 2,
    "sources: {}": 1,
    "sources:\n  - inputs": 2,
    "sources:\n  - name: inputs\n    tables: x": 3,
    "sources:\n  - name: inputs\n    tables:\n      - columns: []": 4,
    "sources:\n  - name: inputs\n    tables:\n      - {name: t, columns: {a: INT}}": 4,
    "sources:\n  - name: inputs\n    tables:\n      - {name: t, columns: [{data_type: INT}]}": 4,
    "sources:\n  - name: inputs\n    tables:\n      - {name: t, columns: [{name: a, data_type: [INT]}]}": 4,
    "sources:\n  - name: inputs\n    tables:\n      - {name: t, columns: [{name: a, data_type: money}]}": 4,
    "sources:\n  - name: inputs\n    tables:\n      - {name: t, columns: [{name: a}, {name: A}]}": 4,
    "sources:\n  - name: inputs\n    tables: [{name: t}]\n    tables: []": 4,
    "sources:\n  - name: inputs\n    tables:\n      - name: t\n      - name: t": 5,
}


@pytest.fixture
def declared(every_port: Path, tmp_path: Path) -> Any:
    """What is declared of the input `t`, by the text of models/sources.yml, `types` and the record."""
    from pipeline import declared_columns as module
    from pipeline.spec import Capability, Product

    transform = Capability("transforms", "dbt@1")
    product = Product(
        tmp_path, "p", "d", "1.0.0", "data", tmp_path / "contract.odcs.yaml", (), transform, (), ()
    )

    def call(sources: str = "", types: dict[str, str] | None = None, record: Any = None) -> Any:
        (tmp_path / "models").mkdir(exist_ok=True)
        (tmp_path / "models" / "sources.yml").write_text(sources, "utf-8")
        if record is not None:
            module.recorded(product).parent.mkdir(parents=True, exist_ok=True)
            module.recorded(product).write_text(json.dumps(record), "utf-8")
        source = Capability("inputs", "file@1", "t", properties={"types": types} if types else {})
        return module.declared(source, product)

    return call


def test_every_spelling_of_a_type_has_one_canonical_form(every_port: Path) -> None:
    from pipeline.column_types import EXAMPLES, UnknownType, canonical, from_arrow, to_arrow

    assert {text: canonical(text) for text in SAME} == SAME
    for kind in EXAMPLES:
        assert canonical(kind) == canonical(kind.lower()) == kind
        held = "VARCHAR" if kind in ("UUID", "JSON", "VARCHAR(20)") else kind
        assert from_arrow(to_arrow(kind)) == held
    for text in UNKNOWN:
        with pytest.raises(UnknownType):
            canonical(text)


def test_a_type_is_taken_only_if_all_texts_certainly_are_it(every_port: Path) -> None:
    from pipeline.column_types import certain_type

    for kind, columns in CERTAIN.items():
        for texts in columns:
            assert certain_type(texts) == certain_type(reversed(texts)) == kind, texts


def test_sources_come_before_the_spec_and_the_spec_before_the_record(declared: Any) -> None:
    said = declared(
        "sources:\n  - name: raw\n    schema: inputs\n    tables:\n"
        "      - {name: x, identifier: t, columns: [{name: Flight No., data_type: int}, {name: note}]}\n",
        {"flight_no": "INTEGER", "Net": "decimal(9,2)"},
        {
            "version": 2,
            "inputs": {"t": {"flight_no": "BIGINT", "net": "DOUBLE", "day": "DATE", "odd": "INTERVAL"}},
        },
    )
    assert said.columns == {"flight_no": "INTEGER", "net": "DECIMAL(9,2)", "day": "DATE"}
    assert [said.origin(name) for name in ("flight_no", "net", "day", "other")] == [
        "models/sources.yml:5",
        "data-product.yaml",
        "build/inputs/default.json",
        "",
    ]


def test_nothing_declared_is_an_empty_declaration(declared: Any) -> None:
    for sources in (
        "",
        "sources:",
        "models: []",
        "sources:\n  - name: other\n    tables: [{name: t, columns: 5}]",
    ):
        assert declared(sources).columns == {}


def test_what_0_2_0_recorded_must_not_change_in_silence(declared: Any) -> None:
    from pipeline.declared_columns import refuse_changed
    from pipeline.errors import UnreadableInput
    from pipeline.progress import stage
    from pipeline.spec import Capability

    source = Capability("inputs", "file@1", "t")
    before = declared(
        record={"t": {"id": "int64", "net": "double", "at": "timestamp[us, tz=UTC]", "x": "decimal"}}
    )
    assert before.columns == {}
    assert before.earlier == {"id": "BIGINT", "net": "DOUBLE", "at": "TIMESTAMP WITH TIME ZONE"}
    refuse_changed(source, before, {"id": "BIGINT", "net": "DOUBLE"})  # `at` has no values this time
    with pytest.raises(UnreadableInput) as refused, stage("ingest"):
        refuse_changed(source, before, {"id": "BIGINT", "net": "DECIMAL(18,2)", "new": "DATE"})
    block = refused.value.fix.partition("\n")[2]
    assert declared(block).columns == {"id": "BIGINT", "net": "DOUBLE", "new": "DATE"}


def test_a_contradiction_of_spec_and_sources_ends_the_run(declared: Any) -> None:
    from pipeline.errors import UnreadableInput

    with pytest.raises(UnreadableInput, match=r"`types`: a is BIGINT, but models/sources.yml:1 has INTEGER"):
        declared(
            "sources: [{name: inputs, tables: [{name: t, columns: [{name: a, data_type: INT}]}]}]",
            {"A": "BIGINT"},
        )


@pytest.mark.parametrize(("text", "line"), MISSHAPEN.items())
def test_sources_that_cannot_be_understood_are_named_with_their_line(
    declared: Any, text: str, line: int
) -> None:
    from pipeline.errors import UnreadableInput

    with pytest.raises(UnreadableInput, match=f"^models/sources.yml:{line}: ") as refused:
        declared(text)
    assert refused.value.fix


@pytest.mark.parametrize(
    ("text", "source", "file"),
    [
        ("sources:\n  - name: erp\n    tables: [{name: t}, {name: u}]\n", "erp", "models/schema.yml"),
        ("sources:\n  - {name: erp, schema: inputs, tables: [{name: x, identifier: t}]}\n", "erp", "models/schema.yml"),
        ("sources:\n  - {name: inputs, tables: [{name: u}]}\n", "inputs", "models/schema.yml"),
        ("sources:\n  - {name: a, tables: [{name: t}]}\n  - {name: b, tables: [{name: t}]}\n", "inputs", "models/sources.yml"),
        ("models: []\n", "inputs", "models/sources.yml"),
    ],
)  # fmt: skip
def test_the_block_to_paste_is_for_the_products_own_source(
    declared: Any, tmp_path: Path, text: str, source: str, file: str
) -> None:
    from pipeline import declared_columns as module

    declared()
    (tmp_path / "models/schema.yml").write_text(text)
    place = declared().place
    assert place == (file, source)
    (pasted,) = yaml.safe_load(module.yaml_block({"t": {"a": "DATE"}}, {"t": place}))["sources"]
    assert (pasted["name"], [one["name"] for one in pasted["tables"]]) == (source, ["t"])


def test_one_module_knows_where_an_input_is_declared(every_port: Path, tmp_path: Path) -> None:
    from pipeline.declared_columns import declared_at
    from pipeline.spec import Capability

    source = Capability("inputs", "file@1", "t", root=tmp_path)
    assert declared_at(source) == ("models/sources.yml", "inputs")
    (tmp_path / "dbt_project.yml").write_text("model-paths: [transform]\n")
    (tmp_path / "transform/staging").mkdir(parents=True)
    assert declared_at(source) == ("transform/sources.yml", "inputs")
    (tmp_path / "transform/staging/erp.yml").write_text("sources:\n  - {name: erp, tables: [{name: t}]}\n")
    assert declared_at(source) == ("transform/staging/erp.yml", "erp")
    others = {
        path.relative_to(every_port).as_posix()
        for path in (every_port / "pipeline").rglob("*.py")
        if "sources.yml" in path.read_text("utf-8")
    }
    assert others == {"pipeline/declared_columns.py"}


@pytest.mark.parametrize("count", [3, 500])
def test_the_block_to_paste_works_as_it_is(declared: Any, count: int) -> None:
    from pipeline.column_types import EXAMPLES
    from pipeline.declared_columns import yaml_block

    columns = {f"c{number}": EXAMPLES[number % len(EXAMPLES)] for number in range(count)}
    columns |= {
        "yes": "DECIMAL(18,2)",
        "überfällig": 'STRUCT("a b" DOUBLE)[]',
        "7": "VARCHAR",
        "null": "DATE",
    }
    block = yaml_block({"t": columns, "other": {}})
    assert declared(block).columns == columns
    assert [table["name"] for table in yaml.safe_load(block)["sources"][0]["tables"]] == ["t", "other"]
    assert len(block.splitlines()) < 240


@pytest.mark.parametrize(
    ("columns", "types", "recorded", "expected"),
    [
        ("", {"year": "BIGINT"}, {}, "columns that `types` leaves out"),
        ("", {"year": "BIGINT"}, {"year": "BIGINT", "month": "BIGINT"}, "month"),
        ("", {"year": "BIGINT"}, {"year": "BIGINT"}, None),
        (
            "        columns: [{name: year, data_type: BIGINT}]\n",
            {},
            {"year": "BIGINT", "month": "BIGINT"},
            "month",
        ),
        ("        columns: [{name: year, data_type: BIGINT}]\n", {}, {}, None),
    ],
)
def test_a_column_that_nobody_declared_is_named(
    columns: str, types: dict[str, str], recorded: dict[str, str], expected: str | None, tmp_path: Path
) -> None:
    properties = {"path": "sample_data/flights.csv", "types": types}
    item = {"name": "flights", "uses": "file@1", "from": "system:x", "properties": properties}
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "sources.yml").write_text(
        f"sources:\n  - name: inputs\n    tables:\n      - name: flights\n{columns}"
    )
    (tmp_path / "build" / "inputs").mkdir(parents=True)
    if recorded:
        (tmp_path / "build" / "inputs" / "default.json").write_text(
            json.dumps({"version": 2, "inputs": {"flights": recorded}})
        )
    spec = Document(Path("data-product.yaml"), {"spec": {"inputs": [item]}})
    sources = [read(tmp_path, "models/sources.yml")]
    problems = list(InputsDeclared().check(tmp_path, spec, sources))
    assert [str(expected) in problem.detail for problem in problems] == ([True] if expected else [])
