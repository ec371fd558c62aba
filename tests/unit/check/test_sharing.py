"""Which way of sharing fits an input, and what a copy has to carry along, as the check tells it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from catalog_server import catalog
from click.testing import CliRunner
from edits import edit, merged
from records import record, value

from meshwright.check.engine import check
from meshwright.cli import main
from meshwright.mesh.sharing import PREFERRED, Advice, advise, is_copy
from meshwright.mesh.sources import of_repository
from meshwright.product import registry
from meshwright.product.record import Record

Copy = Callable[[Path], Path]
SOURCE = "airport-operations/departures"

PATHS = {"parquet@1": {"path": "build/p"}, "delta@1": {"path": "build/d"}, "postgres@1": {"url": "build/w"}}
LAKE, TABLES, WAREHOUSE = (
    {"name": name, "uses": uses, "properties": PATHS[uses]}
    for name, uses in (("lake", "parquet@1"), ("tables", "delta@1"), ("warehouse", "postgres@1"))
)


def source(*ports: dict[str, Any]) -> Record:
    return record("airport-operations/departures", product__spec__outputs=list(ports))


def consumer(port: str = "lake", ports: tuple[dict[str, Any], ...] = (LAKE,), **properties: Any) -> Record:
    made = value(
        "customer-experience/punctuality",
        "consumer-oriented",
        reads=f"dp:airport-operations/departures#{port}",
        product__spec__outputs=list(ports),
    )
    made["product"]["spec"]["inputs"][0]["properties"] |= properties
    return Record(made)


def advice(reader: Record, read: Record | None) -> Advice:
    return advise(reader.inputs[0], reader, read)


FITS = [
    # what for, the port that is read, the source's ports -> the pattern, and another port if that fits better
    ("processing", "lake", (LAKE,), "native", ""),
    ("processing", "tables", (LAKE, TABLES), "native", ""),
    ("processing", "warehouse", (WAREHOUSE,), "virtual", ""),
    ("processing", "warehouse", (LAKE, WAREHOUSE), "native", "lake"),
    ("reporting", "lake", (LAKE,), "native", ""),
    ("reporting", "lake", (LAKE, WAREHOUSE), "virtual", "warehouse"),
    ("reporting", "warehouse", (LAKE, WAREHOUSE), "virtual", ""),
    ("training", "lake", (LAKE,), "native", ""),
    ("training", "warehouse", (WAREHOUSE,), "copy", ""),
    ("training", "warehouse", (WAREHOUSE, TABLES), "native", "tables"),
]


@pytest.mark.parametrize(("workload", "port", "ports", "pattern", "other"), FITS)
def test_the_pattern_that_fits(workload: str, port: str, ports: Any, pattern: str, other: str) -> None:
    told = advice(consumer(port, workload=workload), source(*ports))
    assert (told.pattern, told.port, told.unknown, told.declared) == (pattern, other, "", None)
    assert told.reason.endswith(".") and "none" not in told.reason


def test_processing_is_meant_where_nothing_is_said() -> None:
    assert advice(consumer(), source(LAKE)) == advice(consumer(workload="processing"), source(LAKE))


def test_a_product_works_where_its_transform_and_its_ports_do() -> None:
    # On files by its transform; on PostgreSQL by its own port, so a port there is on a like platform.
    told = advice(consumer("warehouse", (WAREHOUSE,), workload="training"), source(WAREHOUSE))
    assert (told.pattern, told.unknown) == ("native", "")


def test_an_input_that_cannot_open_the_port_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = consumer("warehouse", workload="reporting")
    assert "opens only" not in advice(reader, source(WAREHOUSE)).reason
    find = registry.find
    monkeypatch.setattr(
        registry,
        "find",
        lambda kind, uses: (
            replace(entry, opens=("parquet@1",)) if (entry := find(kind, uses)) and entry.opens else entry
        ),
    )
    assert "data-product@1 opens only parquet@1" in advice(reader, source(WAREHOUSE)).reason


@pytest.mark.parametrize("workload", PREFERRED)
def test_without_any_knowledge_the_best_is_advised_and_said_to_be_a_guess(workload: str) -> None:
    told = advice(consumer(workload=workload), None)
    assert told.pattern == PREFERRED[workload][0]
    assert "unknown" in told.unknown


def test_a_capability_that_the_registry_lacks_is_not_guessed() -> None:
    told = advice(consumer("ice"), source({"name": "ice", "uses": "hudi@1", "properties": {}}))
    assert told.pattern == "native" and "ice (hudi@1)" in told.unknown


def test_the_address_registry_says_what_an_unknown_source_is_served_by(punctuality: Path) -> None:
    reader = of_repository(punctuality)
    told = advice(reader, None)
    assert (told.pattern, told.unknown) == ("native", "")
    # For reporting the source might have something better, which the registry does not tell.
    reader.inputs[0].properties["workload"] = "reporting"  # type: ignore[index]
    told = advice(reader, None)
    assert told.pattern == "native" and "Other ports" in told.unknown


def test_a_registry_that_leads_out_of_the_repository_is_not_read(copy_of: Copy, punctuality: Path) -> None:
    product = copy_of(punctuality)
    for path in ("../addresses.yaml", "/etc/passwd", "https://example.org/addresses.yaml"):
        edit(product / SPEC, lambda spec, path=path: reading(spec, addresses=path))
        assert "unknown" in advice(of_repository(product), None).unknown


@pytest.mark.parametrize("said", [None, [], {}, 5, "sometimes", "\x1b[2J", ["copy"]])
def test_a_wrong_word_counts_as_none(said: Any) -> None:
    told = advice(consumer(workload=said, sharing=said), source(LAKE))
    assert told.declared is None and told.pattern == "native"


def test_every_pattern_is_said_and_offered_by_the_words_of_the_schema() -> None:
    entry = registry.find("inputs", "data-product@1")
    assert entry
    told = entry.properties["properties"]
    assert set(told["workload"]["enum"]) == set(PREFERRED)
    assert set(told["sharing"]["enum"]) == {"virtual", "native", "copy"}


# -- what is a copy --------------------------------------------------------------------------------------


def test_a_copy_says_so_or_has_all_columns_of_its_source() -> None:
    read, reader = source(LAKE), consumer()
    entry = reader.inputs[0]
    assert not is_copy(entry, reader, read)
    declared = consumer(sharing="copy")
    assert is_copy(declared.inputs[0], declared, read)
    again = Record(value("a/again", reads=None, kind="consumer-oriented"))
    again.value["contract"]["schema"][0]["properties"] += read.value["contract"]["schema"][0]["properties"]
    assert is_copy(entry, again, read)


def test_one_column_in_common_makes_no_copy() -> None:
    read, reader = source(LAKE), consumer()
    read.value["contract"]["schema"][0]["properties"] = [{"name": "origin", "classification": "public"}]
    assert not is_copy(reader.inputs[0], reader, read)
    read = source(LAKE)
    read.value["contract"]["schema"] = None
    assert not is_copy(reader.inputs[0], reader, read)


# -- what the check tells --------------------------------------------------------------------------------

SPEC = "data-product.yaml"


def reading(spec: Any, **properties: Any) -> Any:
    spec["spec"]["inputs"][0]["properties"] |= properties
    return spec


def told(*products: Path, others: list[Record] | None = None) -> list[tuple[str, str]]:
    return [(finding.rule, finding.level) for finding in check(products, others)]


def ran(*arguments: str | Path) -> Any:
    return CliRunner().invoke(main, ["check", *map(str, arguments)])


def test_a_fresh_consumer_is_told_one_thing_and_passes(punctuality: Path) -> None:
    result = ran(punctuality)
    assert result.exit_code == 0
    note, link, summary = result.output.splitlines()
    assert "note SharingTold: dp:airport-operations/departures#lake: native sharing fits. " in note
    assert link.startswith("    see:") and summary == "1 product checked: all rules kept"


def test_a_note_is_told_in_every_form(punctuality: Path) -> None:
    assert ran(punctuality, "--format", "github").output.startswith("::notice file=")
    (finding,) = json.loads(ran(punctuality, "--format", "json").output)
    assert (finding["level"], finding["fix"]) == ("note", "")
    (result,) = json.loads(ran(punctuality, "--format", "sarif").output)["runs"][0]["results"]
    assert result["level"] == "note" and "Fix" not in result["message"]["text"]


def test_another_pattern_than_fits_is_a_warning_that_says_what_to_change(
    copy_of: Copy, punctuality: Path
) -> None:
    product = copy_of(punctuality)
    edit(product / SPEC, lambda spec: reading(spec, sharing="copy"))
    result = ran(product)
    assert result.exit_code == 0
    assert "warning SharingFits: It declares copy, but native sharing fits." in result.output
    assert "fix: Write `sharing: native`; or declare with `workload`" in result.output
    assert result.output.endswith("all rules kept, 1 warning\n")
    edit(product / SPEC, lambda spec: reading(spec, sharing="native"))
    assert told(product) == [("SharingTold", "note")]


def test_a_better_port_is_named(copy_of: Copy, punctuality: Path) -> None:
    product = copy_of(punctuality)
    edit(product / SPEC, lambda spec: reading(spec, sharing="virtual", workload="reporting"))
    (warning,) = (
        finding for finding in check([product], [source(LAKE, WAREHOUSE)]) if finding.rule == "SharingFits"
    )
    assert "Read dp:airport-operations/departures#warehouse, and write `sharing: virtual`" in warning.fix
    # Where the source's other ports are not known, nothing is held against the team.
    assert told(product) == [("SharingTold", "note")]


BROKEN = {
    "lower as a whole": ({"product__spec__classification": "confidential"}, {}, "ClassificationKept", SPEC),
    "open": ({}, {"access": {"mode": "open"}}, "ReadersNotWidened", SPEC),
    "rights": (
        {"product__spec__distributionRights__modified": "forbidden"},
        {},
        "RightsNotWidened",
        SPEC,
    ),
    "a lower column": (
        {"contract__schema__0__properties__1__classification": "internal"},
        {},
        "ClassificationKept",
        "contract.odcs.yaml",
    ),
    "a role": (
        {"policy__roles__reader__clearance": ["internal"], "policy__roles__service__clearance": ["internal"]},
        {},
        "ReadersNotWidened",
        "access/policy.yaml",
    ),
}


@pytest.mark.parametrize(("there", "here", "rule", "file"), BROKEN.values(), ids=BROKEN)
def test_what_a_copy_does_not_carry_along_is_an_error_where_it_stands(
    there: dict[str, Any], here: dict[str, Any], rule: str, file: str, copy_of: Copy, punctuality: Path
) -> None:
    product = copy_of(punctuality)
    edit(product / SPEC, lambda spec: merged(reading(spec, sharing="copy"), {"spec": here}))
    assert "error" not in {level for _, level in told(product)}  # its source is not known
    found = [finding for finding in check([product], [record(**there)]) if finding.level == "error"]
    assert {(finding.rule, finding.file) for finding in found} == {(rule, f"{product}/{file}")}
    assert all(finding.line > 1 and "airport-operations/departures" in finding.message for finding in found)


def test_a_copy_that_carries_everything_along_is_told_how_it_ages(copy_of: Copy, punctuality: Path) -> None:
    product = copy_of(punctuality)
    edit(product / SPEC, lambda spec: reading(spec, sharing="copy", workload="training"))
    read = record(
        product__spec__outputs=[WAREHOUSE | {"name": "lake"}],
        contract__slaProperties=[{"property": "retention", "value": 3, "unit": "y"}],
    )
    findings = {finding.rule: finding for finding in check([product], [read])}
    assert findings.keys() == {"SharingTold", "ReadsUnderAgreement"}
    finding = findings["SharingTold"]
    assert finding.level == "note"
    assert "a governed copy fits." in finding.message and "inherits its source's policies" in finding.message
    assert "freshness <= 24h, retention not promised here" in finding.message
    assert "freshness <= 24h, retention 3 y at its source" in finding.message


# -- the mesh that a check is given ----------------------------------------------------------------------


def test_an_input_is_held_against_the_mesh(copy_of: Copy, departures: Path, punctuality: Path) -> None:
    assert ran(punctuality, "--mesh", departures).exit_code == 0
    result = ran(punctuality, "--mesh", punctuality)
    assert result.exit_code == 1
    assert "the mesh has no product airport-operations/departures" in result.output
    product = copy_of(punctuality)
    text = (product / SPEC).read_text("utf-8")
    (product / SPEC).write_text(text.replace("departures#lake", "departures#gone"), "utf-8")
    result = ran(product, "--mesh", departures)
    assert "airport-operations/departures has no port gone." in result.output
    assert "Read one of: tables, lake." in result.output


def test_a_product_that_the_catalog_has_retired_is_named_with_its_successor(punctuality: Path) -> None:
    found = check([punctuality], [], {"airport-operations/departures": "airport-operations/movements"})
    (finding,) = (finding for finding in found if finding.level == "error")
    assert finding.rule == "PortsReadExist" and "retired" in finding.message
    assert "airport-operations/movements" in finding.fix


def test_an_input_is_held_against_a_catalog_that_the_token_is_meant_for(
    punctuality: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with catalog(tmp_path / "catalog", None, True) as served:
        assert served.put(value(SOURCE)).status == 201
        monkeypatch.setenv("MESHWRIGHT_CATALOG_TOKEN", served.token("read"))
        assert ran(punctuality, "--mesh", served.url).exit_code == 2  # it may be anybody's address
        monkeypatch.setenv("MESHWRIGHT_CATALOG", f"{served.url}/")
        assert ran(punctuality, "--mesh", served.url).exit_code == 0
        retire = {"reason": "It is called movements now.", "successor": "airport-operations/movements"}
        done = served.ask("POST", f"/api/products/{SOURCE}/retire", retire, served.token("admin"))
        assert done.status == 200, done.text
        result = ran(punctuality, "--mesh", served.url)
        assert result.exit_code == 1 and "retired" in result.output
        assert "Read airport-operations/movements, its successor." in result.output
    monkeypatch.setattr("meshwright.mesh.sources.PATIENCE", 0.2)
    result = ran(punctuality, "--mesh", served.url)
    assert result.exit_code == 2 and "fix:" in result.output


def test_a_name_of_the_mesh_is_taken_unless_it_is_the_product_itself(
    copy_of: Copy, departures: Path, tmp_path: Path
) -> None:
    product = copy_of(departures)
    mesh = tmp_path / "mesh.jsonl"
    mesh.write_text(json.dumps(value("airport-operations/departures")), "utf-8")
    assert told(product, others=[record()]) == []  # nobody can tell: this repository has no address
    git_dir = product / ".git"
    git_dir.mkdir()
    (git_dir / "HEAD").write_text("ref: refs/heads/main\n")
    (git_dir / "objects").mkdir()
    (git_dir / "refs").mkdir()
    remote = '[remote "origin"]\n\turl = {}\n'
    config = git_dir / "config"
    config.write_text(remote.format("git@git.example.org:airport-operations/departures.git"))
    assert ran(product, "--mesh", mesh).exit_code == 0
    config.write_text(remote.format("https://git.example.org/others/departures.git"))
    result = ran(product, "--mesh", mesh)
    assert result.exit_code == 1 and "error NameUnique" in result.output
    assert "https://git.example.org/airport-operations/departures.git" in result.output


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00", '{"a": 1}\nnull'])
def test_a_mesh_that_cannot_be_read_is_wrong_usage(content: str, punctuality: Path, tmp_path: Path) -> None:
    mesh = tmp_path / "mesh.json"
    mesh.write_text(content, "utf-8")
    result = ran(punctuality, "--mesh", mesh)
    assert result.exit_code == (1 if content == "" else 2) and isinstance(result.exception, SystemExit)


def test_hostile_names_of_the_mesh_steer_no_terminal(punctuality: Path) -> None:
    from meshwright.check.findings import human

    ports = [{"name": "\x1b[2J" + "x" * 1_000_000, "uses": "parquet@1"}]
    found = check([punctuality], [record(product__spec__outputs=ports)])
    text = human(found)
    assert "has no port lake" in text and "\x1b" not in text and len(text) < 5_000
