"""`meshwright export`, held against the tools that read these formats."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT
from children import children_environment
from click.testing import CliRunner
from records import record, value

from meshwright.cli import main
from meshwright.export import as_json, dprod, odps
from meshwright.product.record import Record

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")

LINTER = "dataproduct-cli==0.3.2"
SHAPES = ROOT / "tests/data/dprod-shapes.ttl"
HOSTILE = "'\"`]>--- \n{{x}} ${A} <script>alert(1)</script> !!python/object \x1b[2J \u202e \u2028 \x85 *a &a : # @id ]]> 🛩"


# -- ODPS -----------------------------------------------------------------------------------------------

Lint = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def lint(product_python: Path) -> Lint:
    """What `dataproduct lint` says of the repository's product.odps.yaml, with the contract's own linter at hand."""
    uv = shutil.which("uv") or str(ROOT / "build/uv/bin/uv")
    command = [uv, "tool", "run", "--quiet", "--from", LINTER, "dataproduct"]
    told = children_environment(PATH=f"{product_python.parent}:{os.environ['PATH']}")
    tried = subprocess.run([*command, "--version"], env=told, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"{LINTER} cannot be installed: {tried.stderr.strip().splitlines()[-1:]}")

    def checks(root: Path, *more: str) -> list[dict[str, Any]]:
        options = ["lint", "product.odps.yaml", "--all-errors", "--local-references", *more]
        results = ["--output", "lint.json", "--output-format", "json"]
        done = subprocess.run(
            [*command, *options, *results], cwd=root, env=told, capture_output=True, text=True
        )
        assert (root / "lint.json").is_file(), done.stdout + done.stderr
        return json.loads((root / "lint.json").read_text())["checks"]

    return checks


def issues(checks: list[dict[str, Any]]) -> list[str]:
    """Its warnings, too: that a contract is nowhere is no more than a warning to it."""
    return [f"{check['result']}: {check['reason']}" for check in checks if check["result"] != "passed"]


def exported(product: Path, folder: Path) -> None:
    done = CliRunner().invoke(main, ["export", "odps", str(product), "-o", str(folder / "product.odps.yaml")])
    assert done.exit_code == 0, done.output


def test_odps_lints_without_a_warning_together_with_its_contract(
    lint: Lint, departures: Path, tmp_path: Path
) -> None:
    shutil.copy(departures / "contract.odcs.yaml", tmp_path)
    exported(departures, tmp_path)
    checks = lint(tmp_path)
    assert issues(checks) == []
    names = " ".join(check["name"] for check in checks)
    assert "is resolvable" in names and "passes datacontract lint" in names and "ODPS v1.1.0" in names


def test_odps_of_a_consumer_oriented_product_lints(lint: Lint, punctuality: Path, tmp_path: Path) -> None:
    exported(punctuality, tmp_path)
    checks = lint(tmp_path, WITHOUT_CONTRACT)
    assert checks and issues(checks) == []


WITHOUT_CONTRACT = "--no-resolve-references"

BROKEN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a field that ODPS does not know": lambda made: made.update(classification="internal"),
    "no id": lambda made: made.pop("id"),
    "a property without a value": lambda made: made["customProperties"][0].pop("value"),
    "another version": lambda made: made.update(apiVersion="v9.9.9"),
}


@pytest.mark.slow
@pytest.mark.parametrize("issue", BROKEN)
def test_the_linter_sees_an_export_that_is_broken(issue: str, lint: Lint, tmp_path: Path) -> None:
    made = odps.document(record())
    BROKEN[issue](made)
    (tmp_path / "product.odps.yaml").write_text(odps.rendered(made))
    assert issues(lint(tmp_path, WITHOUT_CONTRACT))


def test_a_contract_that_is_nowhere_is_seen(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "product.odps.yaml").write_text(odps.rendered(odps.document(record())))
    found = issues(lint(tmp_path))
    assert found and all(issue.startswith("warning: No local data contract") for issue in found)


def test_odps_says_each_of_the_twelve_attributes() -> None:
    one = record(
        "rail-operations/arrivals", kind="consumer-oriented", reads="dp:airport-operations/departures#lake"
    )
    made = odps.document(one)
    own = {item["property"]: item["value"] for item in made["customProperties"]}
    assert {item["vendor"] for item in made["customProperties"]} == {"meshwright"}
    assert (made["id"], made["domain"], made["type"]) == (
        "rail-operations/arrivals",
        "rail-operations",
        "consumerAligned",
    )
    assert odps.document(record())["type"] == "sourceAligned"
    assert set(made["description"]) == {"purpose", "usage", "limitations"}
    assert [(member["username"], member["role"]) for member in made["team"]["members"]] == [
        ("ada@example.org", "owner"),
        ("ada@example.org", "data steward"),
    ]
    assert own["classification"] == one.classification and own["accessMode"] == one.access_mode
    assert own["accessRoles"] == sorted(one.roles) != []
    assert own["distributionRights"] == one.distribution_rights
    assert own["dataSharingAgreement"]["document"] == "docs/data-sharing-agreement.md"
    assert [(level["name"], level["kept"]) for level in own["serviceLevels"]] == [
        (level.name, True) for level in one.service_levels
    ]
    port = made["outputPorts"][0]
    assert port["contractId"] == "urn:contract:rail-operations:arrivals"
    assert {item["property"]: item["value"] for item in port["customProperties"]} == {
        "address": one.outputs[0].address,
        "location": one.outputs[0].location,
    }
    assert made["inputPorts"][0]["customProperties"][0]["value"] == "dp:airport-operations/departures#lake"


def test_what_was_not_measured_is_not_said() -> None:
    made = odps.document(record(measured=False))
    own = {item["property"]: item["value"] for item in made["customProperties"]}
    assert "measuredAt" not in own
    assert all("kept" not in level and "value" not in level for level in own["serviceLevels"])


def test_hostile_texts_stay_texts_in_yaml() -> None:
    one = record(product__metadata__title=HOSTILE, product__spec__description__purpose=HOSTILE * 1000)
    text = odps.rendered(odps.document(one))
    assert yaml.safe_load(text)["name"] == HOSTILE
    assert yaml.safe_load(text)["description"]["purpose"] == HOSTILE * 1000
    assert all(sign.isprintable() or sign == "\n" for sign in text)


@pytest.mark.parametrize("text", ["no", "2024-01-01", "0x1F", "~", "1e3", "- a", "", "=", "12:30", "null"])
def test_what_yaml_would_take_for_something_else_stays_a_text(text: str) -> None:
    made = yaml.safe_load(odps.rendered(odps.document(record(product__metadata__title=text))))
    assert made["name"] == (text or "departures")


@pytest.mark.parametrize(
    "empty", [{}, {"product": 7}, {"product": {"spec": {"inputs": [7, {}], "outputs": "x"}}}], ids=str
)
def test_a_record_without_any_shape_is_exported_with_what_it_has(empty: dict[str, Any]) -> None:
    assert odps.document(Record(empty))["id"] == "unknown/unknown"
    assert dprod.document(Record(empty))["@id"] == "dp:unknown/unknown"


# -- DPROD ----------------------------------------------------------------------------------------------


def graph(document: dict[str, Any]) -> Any:
    rdflib = pytest.importorskip("rdflib", reason="pyshacl is not installed")
    return rdflib.Graph().parse(data=json.dumps(document), format="json-ld")


def conforms(document: dict[str, Any]) -> tuple[bool, str]:
    pyshacl = pytest.importorskip("pyshacl", reason="pyshacl is not installed")
    made = graph(document)
    kept, _, told = pyshacl.validate(made, shacl_graph=str(SHAPES), shacl_graph_format="turtle")
    # Shapes look at what is a product; where nothing is one, there is nothing to find.
    is_product = (None, None, _uri("https://www.omg.org/spec/DPROD/DataProduct")) in made
    return kept and is_product, told


@pytest.mark.parametrize("kind", ["departures", "punctuality"])
def test_dprod_conforms_to_its_shapes(kind: str, request: pytest.FixtureRequest) -> None:
    done = CliRunner().invoke(main, ["export", "dprod", str(request.getfixturevalue(kind))])
    assert done.exit_code == 0, done.output
    kept, told = conforms(json.loads(done.stdout))
    assert kept, told


def nodes(document: Any, kind: str) -> Iterator[dict[str, Any]]:
    """The objects of a type, or those that a property leads to."""
    if isinstance(document, dict):
        if document.get("@type") == kind:
            yield document
        for below in document.values():
            yield from nodes(below, kind)
    elif isinstance(document, list):
        for below in document:
            yield from nodes(below, kind)


def first(document: Any, kind: str) -> dict[str, Any]:
    return next(nodes(document, kind))


WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no owner": lambda made: made.pop("dprod:dataProductOwner"),
    "an owner who is only a text": lambda made: made.update({"dprod:dataProductOwner": "Ada Example"}),
    "an owner who is no agent": lambda made: made.update(
        {"dprod:dataProductOwner": {"@id": "mailto:bo@example.org"}}
    ),
    "a purpose in a language": lambda made: made.update(
        {"dprod:purpose": {"@value": "x", "@language": "en"}}
    ),
    "a label that is a number": lambda made: made.update({"rdfs:label": 7}),
    "no policy": lambda made: made.pop("odrl:hasPolicy"),
    "a policy that is none": lambda made: made["odrl:hasPolicy"].pop("@type"),
    "an output port that is no service": lambda made: made["dprod:outputPort"][0].pop("@type"),
    "no output port": lambda made: made.pop("dprod:outputPort"),
    "an input port that is no service": lambda made: made["dprod:inputPort"][0].pop("@type"),
    "no data set": lambda made: made.pop("dprod:outputDataset"),
    "a data set that is none": lambda made: made["dprod:outputDataset"].pop("@type"),
    "no sensitivity": lambda made: made["dprod:outputDataset"].pop(
        "dprod:informationSensitivityClassification"
    ),
    "a sensitivity that is none": lambda made: first(made, "dprod:InformationSensitivityClassification").pop(
        "@type"
    ),
    "a distribution that is none": lambda made: first(made, "dcat:Distribution").pop("@type"),
    "a distribution of nothing": lambda made: first(made, "dcat:Distribution").pop("dprod:isDistributionOf"),
    "a domain that is a text": lambda made: made.update({"dprod:domain": "airport-operations"}),
    "a port without a protocol": lambda made: made["dprod:outputPort"][0].pop("dprod:protocol"),
    "another vocabulary": lambda made: made["@context"].update(dprod="https://ekgf.github.io/dprod/"),
}


@pytest.mark.parametrize("issue", WRONG)
def test_the_shapes_see_an_export_that_is_broken(issue: str) -> None:
    made = copy.deepcopy(dprod.document(record()))
    assert conforms(made)[0]
    WRONG[issue](made)
    assert not conforms(made)[0]


def test_what_one_product_reads_is_the_node_that_another_offers() -> None:
    source = record("airport-operations/departures")
    reader = record(
        "rail-operations/arrivals", kind="consumer-oriented", reads="dp:airport-operations/departures#lake"
    )
    both = graph(dprod.document(source)) + graph(dprod.document(reader))
    lake = _uri("dp:airport-operations/departures#lake")
    assert set(
        both.objects(_uri("dp:rail-operations/arrivals"), _uri("https://www.omg.org/spec/DPROD/inputPort"))
    ) == {lake}
    assert set(both.subjects(_uri("https://www.omg.org/spec/DPROD/outputPort"), lake)) == {
        _uri("dp:airport-operations/departures")
    }
    labels = both.objects(lake, _uri("http://www.w3.org/2000/01/rdf-schema#label"))
    assert [str(label) for label in labels] == ["lake"]


@pytest.mark.parametrize(
    ("rights", "permitted", "prohibited"),
    [
        ({"modified": "allowed", "unmodified": "forbidden"}, ["distribute-modified"], ["distribute"]),
        ({"modified": "allowed", "unmodified": "allowed"}, ["distribute", "distribute-modified"], []),
        ({"modified": "forbidden", "unmodified": "forbidden"}, [], ["distribute", "distribute-modified"]),
    ],
)
def test_distribution_rights_are_an_odrl_policy(
    rights: dict[str, str], permitted: list[str], prohibited: list[str]
) -> None:
    made = graph(dprod.document(record(product__spec__distributionRights=rights)))
    for kind, actions in (("permission", permitted), ("prohibition", prohibited)):
        rules = made.objects(None, _uri(f"http://www.w3.org/ns/odrl/2/{kind}"))
        found = [str(made.value(rule, _uri("http://www.w3.org/ns/odrl/2/action"))) for rule in rules]
        assert sorted(action.replace(":", "/").rpartition("/")[2] for action in found) == actions


def test_hostile_texts_stay_texts_in_json_ld() -> None:
    import rdflib

    one = value(
        product__metadata__title=HOSTILE,
        product__metadata__domain='x"> <http://evil.example.org/> #',
        product__spec__owner={"name": HOSTILE, "email": "a b@example.org> <x"},
        product__spec__dataset__name="@id",
        contract__id=HOSTILE,
        source__repository='https://git.example.org/"> <x> \x1b',
    )
    one["product"]["spec"]["inputs"][0]["from"] = HOSTILE
    one["product"]["spec"]["outputs"][0]["name"] = HOSTILE
    text = as_json(dprod.document(Record(one)))
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    made = graph(json.loads(text))
    assert rdflib.Literal(HOSTILE) in set(made.objects())
    for node in {*made.subjects(), *made.objects()}:
        if isinstance(node, rdflib.URIRef):
            assert not set(str(node)) & set(' <>"{}|\\^`\n\x1b')
    rdflib.Graph().parse(data=made.serialize(format="nt"), format="nt")  # as strict a reader as there is


# -- the command ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["odps", "dprod"])
def test_a_product_that_breaks_a_promise_is_not_exported(form: str, departures: Path, copy_of: Callable[[Path], Path], tmp_path: Path) -> None:  # fmt: skip
    product = copy_of(departures)
    file = tmp_path / "out"
    file.write_text("as it was")
    spec = product / "data-product.yaml"
    spec.write_text(spec.read_text().replace("type: source-oriented", "type: fancy"))
    done = CliRunner().invoke(main, ["export", form, str(product), "-o", str(file)])
    assert done.exit_code == 1 and "data-product.yaml:" in done.stderr
    assert file.read_text() == "as it was"


def test_a_file_that_cannot_be_written_is_told(departures: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["export", "odps", str(departures), "-o", str(tmp_path / "no/where.yaml")]
    )
    assert done.exit_code == 2 and "cannot be written" in done.stderr
    assert not list(tmp_path.iterdir())


def _uri(text: str) -> Any:
    import rdflib

    return rdflib.URIRef(text)
