"""Adapters to the catalogs that companies have: what they send is valid there, and arrives once, whatever fails."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from checkout import ROOT
from children import children_environment
from filelock import FileLock
from hostile_records import hostile
from products import BUILD, uv
from records import record
from vendor_catalogs import SCHEMAS, TOKEN, Collibra, DataHub, EntropyData, OpenMetadata, Vendor

from meshwright.catalog import CatalogConnection, adapters
from meshwright.catalog.adapters import _common as common
from meshwright.core.errors import Error
from meshwright.core.http import NoAnswer, Refused
from meshwright.core.yaml import Unreadable
from meshwright.product.record import Record

DATAHUB, ENTROPY, BACKSTAGE = (
    "acryl-datahub==1.7.0.17",
    "entropy-data==0.3.24",
    "@backstage/catalog-model@1.10.1",
)
READS = "dp:airport-operations/departures#lake"
GOLDEN = ROOT / "tests/data/adapters"


RECORDS: dict[str, Callable[[], Record]] = {
    "source": record,
    "consumer": lambda: record("customer-experience/punctuality", "consumer-oriented", reads=READS),
    "empty": lambda: Record({}),
    "hostile": hostile,
}


@pytest.fixture(params=RECORDS)
def said(request: pytest.FixtureRequest) -> Record:
    return RECORDS[request.param]()


# -- every adapter ------------------------------------------------------------------------------------


def test_each_module_is_an_adapter_that_can_be_named() -> None:
    assert len(adapters.names()) == 6
    for name in adapters.names():
        adapter = adapters.find(name)
        assert name == adapter.NAME
        assert adapter.payloads and adapter.publish and adapter.retire
    with pytest.raises(Unreadable, match="no adapter") as refused:
        adapters.find("../portal")
    assert "backstage" in refused.value.fix


@pytest.mark.parametrize("name", adapters.names())
def test_the_same_record_makes_the_same_payloads_and_they_are_clean_and_small(
    name: str, said: Record
) -> None:
    adapter = adapters.find(name)
    sent = [(payload.call, payload.body) for payload in adapter.payloads(said)]
    assert sent == [(payload.call, payload.body) for payload in adapter.payloads(said)]
    text = json.dumps(sent, ensure_ascii=False).encode("utf-8").decode()  # no half of a character is left
    assert len(text) < 500_000
    for words in strings(sent):
        assert len(words) <= max(common.LONG, 200_000 if name == "backstage" else 0)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", words), words[:100]


@pytest.mark.parametrize("name", adapters.names())
def test_a_setting_that_an_adapter_does_not_know_is_refused(name: str) -> None:
    with pytest.raises(Unreadable, match="colour"):
        adapters.find(name).publish(
            record(), CatalogConnection("http://127.0.0.1:1", TOKEN, {"colour": "red"})
        )


@pytest.mark.parametrize("name", sorted(set(adapters.names()) - {"backstage"}))
def test_a_token_is_not_sent_where_others_can_listen(name: str) -> None:
    with pytest.raises(Unreadable, match="https") as refused:
        adapters.find(name).publish(
            record(), CatalogConnection("http://catalog.example.org", TOKEN, patience=0.1)
        )
    assert TOKEN not in str(refused.value) + refused.value.fix


def test_names_stay_apart_whatever_is_done_to_them() -> None:
    pairs = [("a-b", "c"), ("a", "b-c"), ("a.b", "c"), ("a", "b.c"), ("A", "b"), ("a", "B"), ("a b", "c"), ("a/b", "c"),
             ("x" * 100, "y"), ("x" * 101, "y"), ("", "a"), ("a", "")]  # fmt: skip
    made = [common.identifier(*pair, most=63) for pair in pairs]
    assert len(set(made)) == len(pairs)
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?", name) for name in made), made


def test_what_is_cut_is_told() -> None:
    limiter = common.TextLimiter("a catalog")
    assert limiter.line("a" * 11, 10, "The title") == "a" * 9 + "…"
    assert limiter.lines("a\nb\x07", 10, "A text") == "a\nb\ufffd"
    assert limiter.notes == ["The title is cut to 10 characters in a catalog."]


def test_a_page_is_no_markup_of_the_products() -> None:
    said, limiter = hostile(), common.TextLimiter("a catalog")
    assert "<script" not in common.as_html(said, limiter) + common.as_markdown(said, limiter)
    assert common.plain_markdown("[x](y:z) <b> # `") == r"\[x\](y:z) &lt;b&gt; # \`"
    assert all(len(page(said, limiter)) <= common.LONG for page in (common.as_html, common.as_markdown))


@pytest.mark.parametrize(
    ("address", "page"),
    {
        "git@git.example.org:a/b.git": "https://git.example.org/a/b",
        "https://user:secret@git.example.org/a/b.git": "https://git.example.org/a/b",
        "/home/ada/b": "",
        "https://[bad": "",
        'https://git.example.org/a"><script>': "https://git.example.org/a%22%3E%3Cscript%3E",
    }.items(),
)
def test_a_repositorys_page_is_told_from_its_address(address: str, page: str) -> None:
    assert common.web(address) == page


# -- failures -----------------------------------------------------------------------------------------

VENDORS: dict[str, tuple[type[Vendor], dict[str, str]]] = {
    "entropy-data": (EntropyData, {}),
    "openmetadata": (OpenMetadata, {}),
    "collibra": (Collibra, {"exposes": "r1", "consumes": "r2", "contract": "r3"}),
}


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Vendor, Callable[..., CatalogConnection]]]:
    kind, settings = VENDORS[request.param]
    server = kind()

    def connection(token: str | None = TOKEN, patience: float = 5.0) -> CatalogConnection:
        return CatalogConnection(server.url, token, settings, patience)

    yield adapters.find(request.param), server, connection
    server.close()


def test_a_product_arrives_and_the_next_run_has_nothing_to_say(vendor: Any) -> None:
    adapter, server, connection = vendor
    first = adapter.publish(record(), connection())
    assert first.outcome in ("created", "updated") and first.id == "airport-operations/departures"
    there, calls = copy.deepcopy(server.store), [json.dumps(call) for call in server.seen]
    assert len(calls) == len(set(calls)), "each thing once"
    second = adapter.publish(record(), connection())
    assert server.store == there
    if adapter.NAME == "collibra":  # which cannot tell
        return
    assert second.outcome == "unchanged"
    assert all("/add" in path for _, path, _ in server.seen[len(calls) :])


def test_what_changed_is_brought_up_to_date(vendor: Any) -> None:
    adapter, server, connection = vendor
    adapter.publish(record(), connection())
    things = len(server.store)
    changed = record(
        product__spec__description__purpose="Something quite different.", product__metadata__version="1.1.0"
    )
    assert adapter.publish(changed, connection()).outcome == "updated"
    assert len(server.store) == things
    assert "Something quite different" in json.dumps(server.store)


@pytest.mark.parametrize("id", ["source", "consumer"])
def test_a_run_that_broke_anywhere_is_finished_by_the_next_and_nothing_is_there_twice(
    vendor: Any, id: str
) -> None:
    adapter, server, connection = vendor
    said = RECORDS[id]()
    if id == "consumer":
        adapter.publish(record(), connection())
    before = copy.deepcopy(server.store)
    server.seen.clear()
    adapter.publish(said, connection())
    whole, calls = copy.deepcopy(server.store), len(server.seen)
    assert calls >= 1
    for end in range(calls):
        server.store = copy.deepcopy(before)
        server.seen.clear()
        server.broken_from = end
        with pytest.raises(NoAnswer, match="500"):
            adapter.publish(said, connection(patience=0.01))
        assert len(server.seen) == end
        server.broken_from = None
        adapter.publish(said, connection())
        assert undated(server.store) == undated(whole), end


@pytest.mark.parametrize("status", [429, 503])
def test_a_catalog_that_asks_to_wait_is_asked_again(vendor: Any, status: int) -> None:
    adapter, server, connection = vendor
    server.faults = [None, (status, {"Retry-After": "0"}), (status, {})]
    server.faults = server.faults[1:] if adapter.NAME == "collibra" else server.faults
    adapter.publish(record(), connection())
    assert not server.faults and server.store


def test_a_catalog_that_asks_to_wait_longer_than_the_patience_is_no_success(vendor: Any) -> None:
    adapter, server, connection = vendor
    server.faults = [(429, {"Retry-After": "3600"})]
    with pytest.raises(NoAnswer, match="3600"):
        adapter.publish(record(), connection(patience=1))


@pytest.mark.parametrize("status", [400, 403, 409, 422])
def test_what_a_catalog_refuses_is_told_at_once(vendor: Any, status: int) -> None:
    adapter, server, connection = vendor
    server.faults = [(status, {})]
    with pytest.raises(Refused, match=f"{status}.*not now"):
        adapter.publish(record(), connection())


def test_a_wrong_token_is_refused_and_not_repeated(vendor: Any) -> None:
    adapter, server, connection = vendor
    wrong = "wrong-and-secret-token"
    with pytest.raises(Refused) as refused:
        adapter.publish(record(), connection(token=wrong))
    assert refused.value.status == 401
    assert wrong not in str(refused.value) + refused.value.fix
    assert not server.seen


def test_a_hostile_record_is_taken_as_any_other(vendor: Any) -> None:
    adapter, server, connection = vendor
    done = adapter.publish(hostile(), connection())
    assert done.outcome in ("created", "updated")
    assert any("is cut to" in note for note in done.notes)
    assert server.store


def test_a_product_that_is_retired_stays_and_says_so(vendor: Any) -> None:
    adapter, server, connection = vendor
    said = record()
    adapter.publish(said, connection())
    things = set(server.store)
    for _ in range(2):
        done = adapter.retire(said.id, connection(), "Nobody <reads> it.", "airport-operations/arrivals")
        assert done.outcome == "retired"
    assert set(server.store) == things
    told = json.dumps(server.store)
    assert "Retired: Nobody" in told and "airport-operations/arrivals" in told
    adapter.publish(said, connection())
    assert "Retired: Nobody" not in json.dumps(server.store)


@pytest.mark.parametrize("name", ["entropy-data", "openmetadata"])
def test_a_product_that_is_not_there_cannot_be_retired(name: str) -> None:
    server = VENDORS[name][0]()
    try:
        with pytest.raises(Refused, match="no data product"):
            adapters.find(name).retire("a/b", CatalogConnection(server.url, TOKEN), "Gone.", None)
        assert not server.seen
    finally:
        server.close()


# -- OpenMetadata -------------------------------------------------------------------------------------


def test_every_body_for_openmetadata_is_valid_by_its_own_schemas(said: Record) -> None:
    payloads = adapters.find("openmetadata").payloads(said)
    kinds = set()
    for payload in payloads:
        kind = payload.call.removeprefix("PUT /api/v1/")
        kind = "bulkAssets" if kind.endswith("/add") else "addLineage" if kind == "lineage" else kind
        kinds.add(kind)
        jsonschema_rs.validate({**SCHEMAS, "$ref": f"#/$defs/{kind}"}, payload.body)
    assert {"domains", "dataProducts"} <= kinds


def test_openmetadata_draws_the_lineage_between_the_ports() -> None:
    server = OpenMetadata()
    try:
        connection, adapter = CatalogConnection(server.url, TOKEN, patience=5), adapters.find("openmetadata")
        consumer = RECORDS["consumer"]()
        early = adapter.publish(consumer, connection)
        assert any("lineage does not include it" in note for note in early.notes)
        adapter.publish(record(), connection)
        done = adapter.publish(consumer, connection)
        assert done.outcome == "unchanged" and not any("lineage" in note for note in done.notes)
        source = server.store["tables:meshwright.airport-operations.departures.lake"]["id"]
        table = server.store["tables:meshwright.customer-experience.punctuality.lake"]["id"]
        assert server.store[f"edge {source} {table}"]
        assert server.store["inputPorts of customer-experience--punctuality"] == [source]
        owner = server.store["dataProducts:airport-operations--departures"]["owners"]
        assert owner == [{"id": server.store["teams:airport-operations"]["id"], "type": "team"}]
    finally:
        server.close()


def test_openmetadata_without_the_service_is_told_what_is_missing() -> None:
    server = OpenMetadata()
    try:
        with pytest.raises(Refused, match="no database service 'lake'"):
            adapters.find("openmetadata").publish(
                record(), CatalogConnection(server.url, TOKEN, {"service": "lake"})
            )
        assert not server.seen
    finally:
        server.close()


# -- Collibra -----------------------------------------------------------------------------------------


def small() -> Record:
    """A product with two columns, for a file that people can read."""
    made = RECORDS["consumer"]().value
    made["contract"]["schema"][0]["properties"] = made["contract"]["schema"][0]["properties"][:2]
    made["source"].pop("commit", None)
    return Record(made)


def test_payloads_for_collibra_are_the_ones_that_were_read() -> None:
    settings = VENDORS["collibra"][1] | {"groups": "Owner=g1", "attributes": "classification=Security Class"}
    (sent,) = adapters.find("collibra").payloads(small(), settings)  # type: ignore[call-arg]
    now = json.dumps({"call": sent.call, "body": sent.body}, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("GOLDEN") == "write":
        (GOLDEN / "collibra.json").write_text(now, "utf-8")
    assert (GOLDEN / "collibra.json").read_text("utf-8") == now, "if that is meant: GOLDEN=write, and read it"


def test_a_command_for_collibra_comes_after_what_it_refers_to() -> None:
    commands = adapters.find("collibra").payloads(record(), VENDORS["collibra"][1])[0].body  # type: ignore[call-arg]
    known: set[str] = set()
    for command in commands:
        for others in command.get("relations", {}).values():
            assert {json.dumps(other, sort_keys=True) for other in others} <= known
        known.add(json.dumps(command["identifier"], sort_keys=True))
    assert len(known) == len(commands)


@pytest.mark.parametrize(
    "ends",
    [
        ("ERROR", "FAILURE", "Unknown attribute type"),
        ("COMPLETED", "COMPLETED_WITH_ERROR", ""),
        ("CANCELED", "NOT_SET", ""),
    ],
)
def test_a_job_of_collibra_that_did_not_succeed_is_no_success(ends: tuple[str, str, str]) -> None:
    server = Collibra()
    server.ends = ends
    try:
        with pytest.raises(Refused, match=f"{ends[0]}, {ends[1]}: {ends[2]}"):
            adapters.find("collibra").publish(record(), CatalogConnection(server.url, TOKEN, patience=5))
    finally:
        server.close()


def test_a_job_of_collibra_that_does_not_end_is_no_success() -> None:
    server = Collibra()
    server.looks = 1_000
    try:
        with pytest.raises(NoAnswer, match="has not ended within 0 s"):
            adapters.find("collibra").publish(record(), CatalogConnection(server.url, TOKEN, patience=0.3))
    finally:
        server.close()


def test_collibra_by_user_and_password() -> None:
    server = Collibra()
    seen = []
    server.lets_in = lambda headers: not seen.append(headers.get("Authorization"))  # type: ignore[method-assign]
    try:
        adapters.find("collibra").publish(
            record(), CatalogConnection(server.url, "ci:secret", {"auth": "basic"})
        )
        assert set(seen) == {"Basic Y2k6c2VjcmV0"}
        with pytest.raises(Unreadable, match="no colon") as refused:
            adapters.find("collibra").publish(
                record(), CatalogConnection(server.url, "secret", {"auth": "basic"})
            )
        assert "secret" not in str(refused.value)
    finally:
        server.close()


# -- Backstage ----------------------------------------------------------------------------------------

CHECK = """
const m = require('@backstage/catalog-model');
const rules = m.EntityPolicies.allOf([new m.SchemaValidEntityPolicy(), new m.DefaultNamespaceEntityPolicy(),
  new m.FieldFormatEntityPolicy(), new m.NoForeignRootFieldsEntityPolicy()]);
const kinds = [m.apiEntityV1alpha1Validator, m.componentEntityV1alpha1Validator, m.domainEntityV1alpha1Validator,
  m.groupEntityV1alpha1Validator, m.resourceEntityV1alpha1Validator, m.systemEntityV1alpha1Validator];
(async () => {
  for (const entity of JSON.parse(require('fs').readFileSync(0, 'utf8'))) {
    await rules.enforce(entity);
    const taken = await Promise.all(kinds.map(kind => kind.check(entity)));
    if (!taken.includes(true)) throw new Error('no validator takes a ' + entity.kind);
    for (const field of ['owner', 'system', 'domain'])
      if (entity.spec[field]) m.parseEntityRef(entity.spec[field], {defaultKind: 'x', defaultNamespace: 'default'});
    (entity.spec.dependsOn || []).forEach(ref => m.parseEntityRef(ref));
  }
})().catch(error => { console.error(String(error)); process.exit(1); });
"""


@pytest.fixture(scope="session")
def validators() -> Path:
    """A folder with Backstage's own validators, installed once and kept between runs."""
    if not shutil.which("npm"):
        pytest.skip("npm is not on this machine")
    folder = BUILD / f"backstage-{BACKSTAGE.rpartition('@')[2]}"
    with FileLock(BUILD.parent / "backstage.lock"):
        if not (folder / "ready").exists():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "package.json").write_text("{}")
            command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", BACKSTAGE]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            (folder / "ready").touch()
    return folder


def test_backstages_own_validators_take_every_entity(validators: Path, tmp_path: Path) -> None:
    entities = []
    for number, make in enumerate(RECORDS.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert (
            adapters.find("backstage")
            .publish(make(), CatalogConnection(str(folder), settings={"shared": "yes"}))
            .outcome
            == "created"
        )
        entities += list(yaml.safe_load_all((folder / "catalog-info.yaml").read_text("utf-8")))
    assert {entity["kind"] for entity in entities} == {
        "Group",
        "Domain",
        "System",
        "Component",
        "API",
        "Resource",
    }
    done = subprocess.run(
        ["node", "-e", CHECK], cwd=validators, input=json.dumps(entities), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_backstages_file_is_written_once_and_brought_up_to_date(tmp_path: Path) -> None:
    adapter, connection = adapters.find("backstage"), CatalogConnection(str(tmp_path))
    file = tmp_path / "catalog-info.yaml"
    assert [adapter.publish(record(), connection).outcome for _ in range(2)] == ["created", "unchanged"]
    first = file.read_text("utf-8")
    assert adapter.publish(record(product__metadata__title="Another title"), connection).outcome == "updated"
    assert "Another title" in file.read_text("utf-8")
    assert (
        adapter.retire("airport-operations/departures", connection, "Nobody reads it.", None).outcome
        == "retired"
    )
    retired = list(yaml.safe_load_all(file.read_text("utf-8")))
    assert {one["spec"].get("lifecycle") for one in retired} == {"deprecated", None}
    assert all(one["metadata"]["description"] == "Retired: Nobody reads it." for one in retired)
    adapter.publish(record(), connection)
    assert file.read_text("utf-8") == first
    file.write_text(first.replace("will be lost", "are lost"))  # as 0.2.0 wrote it
    assert adapter.publish(record(), connection).outcome == "updated"
    assert file.read_text("utf-8") == first
    assert [path.name for path in tmp_path.iterdir()] == ["catalog-info.yaml"]


def test_backstages_file_does_not_change_with_a_commit_or_a_run(tmp_path: Path) -> None:
    adapter, connection = adapters.find("backstage"), CatalogConnection(str(tmp_path))
    adapter.publish(record(source__commit="a" * 40), connection)
    assert adapter.publish(record(measured=False, source__commit="b" * 40), connection).outcome == "unchanged"


def test_a_path_of_the_machine_that_ran_is_in_no_catalog() -> None:
    said = record(addresses={READS: {"uses": "parquet@1", "location": "/home/ada/lake"}})
    assert said.outputs[0].location == "/home/ada/lake"
    for name in adapters.names():
        assert "/home/ada" not in json.dumps([one.body for one in adapters.find(name).payloads(said)]), name


def test_backstages_entities_refer_to_those_of_the_product_that_is_read() -> None:
    port = {f"{one['kind'].lower()}:default/{one['metadata']['name']}" for one in entities_of("source") if one["kind"] == "Resource"}  # fmt: skip
    component = next(one for one in entities_of("consumer") if one["kind"] == "Component")
    assert set(component["spec"]["dependsOn"]) <= port


def test_a_file_that_somebody_else_wrote_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "catalog-info.yaml"
    file.write_text("kind: Component\n")
    for act in (lambda: adapters.find("backstage").publish(record(), CatalogConnection(str(tmp_path))),
                lambda: adapters.find("backstage").retire("a/b", CatalogConnection(str(tmp_path)), "x", None)):  # fmt: skip
        with pytest.raises(Unreadable, match="was not written by"):
            act()
    assert file.read_text() == "kind: Component\n"


def test_another_products_file_stays_as_it_is(tmp_path: Path) -> None:
    adapters.find("backstage").publish(record(), CatalogConnection(str(tmp_path)))
    before = (tmp_path / "catalog-info.yaml").read_text("utf-8")
    with pytest.raises(Refused, match="airport-operations/departures"):
        adapters.find("backstage").publish(RECORDS["consumer"](), CatalogConnection(str(tmp_path)))
    assert (tmp_path / "catalog-info.yaml").read_text("utf-8") == before


@pytest.mark.parametrize("address", ["https://backstage.example.org", "/nowhere/at/all/catalog-info.yaml"])
def test_backstage_is_not_sent_to(address: str) -> None:
    with pytest.raises(Error):
        adapters.find("backstage").publish(record(), CatalogConnection(address))


def test_backstages_file_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "else").write_text("mine")
    (tmp_path / "catalog-info.yaml").symlink_to(tmp_path / "else")
    with pytest.raises(Unreadable, match="a link"):
        adapters.find("backstage").publish(record(), CatalogConnection(str(tmp_path)))
    assert (tmp_path / "else").read_text() == "mine"


# -- DataHub and Entropy Data, with their own clients -------------------------------------------------


@pytest.fixture(scope="session")
def clients() -> Path:
    """The folder of programs of an environment with the vendors' own clients, built once and kept between runs."""
    wanted = hashlib.sha256(f"{DATAHUB} {ENTROPY}".encode()).hexdigest()[:12]
    environment = BUILD / f"clients-{wanted}"
    with FileLock(BUILD.parent / "clients.lock"):
        if not (environment / "ready").exists():
            uv("venv", "--quiet", "--clear", "--python", "3.11", str(environment), cwd=ROOT)
            python = str(environment / "bin/python")
            uv("pip", "install", "--quiet", "--python", python, DATAHUB, ENTROPY, cwd=ROOT)
            (environment / "ready").touch()
    return environment / "bin"


def of_datahub(
    clients: Path, url: str, *steps: tuple[str, Record], token: str = TOKEN, patience: float = 5
) -> Any:
    told = [{"do": do, "record": said.value} for do, said in steps]
    done = subprocess.run(
        [clients / "python", ROOT / "tests/support/adapters_in_datahub.py", url, token, str(patience)],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        env=children_environment(PATH="/usr/bin:/bin", PYTHONPATH=str(ROOT / "hooks"), HOME=str(clients)),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_datahubs_own_check_takes_the_file_of_proposals(clients: Path, tmp_path: Path) -> None:
    proposals = []
    for make in RECORDS.values():
        file = tmp_path / "one.json"
        assert adapters.find("datahub").publish(make(), CatalogConnection(str(file))).outcome in (
            "created",
            "updated",
        )
        proposals += json.loads(file.read_text("utf-8"))
    (tmp_path / "mcps.json").write_text(json.dumps(proposals), "utf-8")
    done = subprocess.run(
        [clients / "datahub", "check", "metadata-file", tmp_path / "mcps.json"],
        capture_output=True,
        text=True,
        env=children_environment(PATH="/usr/bin:/bin", HOME=str(tmp_path), DATAHUB_TELEMETRY_ENABLED="false"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(proposals)} MCEs found - all valid" in done.stdout


def test_datahubs_own_emitter_sends_each_proposal_once_and_the_product_last(clients: Path) -> None:
    server, said = DataHub(), record()
    try:
        steps = [("publish", said), ("publish", said), ("retire", said), ("publish", said)]
        told = of_datahub(clients, server.url, *steps)
        assert [one.get("outcome") for one in told] == ["created", "unchanged", "retired", "updated"], told
        sent = [json.loads(json.dumps(call[2]["proposal"])) for call in server.seen]
        first = [(one["entityUrn"], one["aspectName"]) for one in sent][: len(sent) // 2]
        wanted = [
            (one.body["entityUrn"], one.body["aspectName"]) for one in adapters.find("datahub").payloads(said)
        ]
        assert first[1 : len(wanted) + 1] == wanted, "after the domain"
        assert wanted[-1][1] == "dataProductProperties"
        product = server.store["urn:li:dataProduct:airport-operations.departures dataProductProperties"]
        assert product["assets"][0]["outputPort"] is True
        port = product["assets"][0]["destinationUrn"]
        assert server.store[f"{port} deprecation"]["deprecated"] is False
        fields = server.store[f"{port} schemaMetadata"]["fields"]
        tags = {one["fieldPath"]: one["globalTags"]["tags"][0]["tag"] for one in fields}
        assert tags == {
            column.name: f"urn:li:tag:classification.{column.classification}" for column in said.columns
        }
    finally:
        server.close()


def test_a_run_that_broke_half_way_to_datahub_is_finished_by_the_next(clients: Path) -> None:
    server, said = DataHub(), record()
    try:
        server.broken_from = 7
        (broken,) = of_datahub(clients, server.url, ("publish", said), patience=1)
        assert broken["error"] == "NoAnswer", broken
        server.broken_from = None
        told = of_datahub(clients, server.url, ("publish", said), ("publish", said))
        assert [one.get("outcome") for one in told] == ["created", "unchanged"]
    finally:
        server.close()


def test_datahub_does_not_take_a_wrong_token_and_it_is_not_repeated(clients: Path) -> None:
    server, wrong = DataHub(), "wrong-and-secret-token"
    try:
        (refused,) = of_datahub(clients, server.url, ("publish", record()), token=wrong)
        assert refused["error"] == "Refused" and "401" in refused["said"], refused
        assert "secret-token" not in json.dumps(refused)
    finally:
        server.close()


def test_datahub_without_its_library_says_how_to_get_it() -> None:
    with pytest.raises(Unreadable, match="not installed") as refused:
        adapters.find("datahub").publish(record(), CatalogConnection("http://127.0.0.1:1", TOKEN))
    assert "pip install" in refused.value.fix


@pytest.mark.parametrize("id", ["source", "consumer"])
def test_the_contract_for_entropy_data_is_still_an_odcs_contract(id: str) -> None:
    schema = json.loads(
        next((ROOT / "hooks/meshwright/product/schemas/odcs").glob("*.json")).read_text("utf-8")
    )
    contract, product, *_ = [one.body for one in adapters.find("entropy-data").payloads(RECORDS[id]())]
    jsonschema_rs.validate(schema, contract)
    assert {port["contractId"] for port in product["outputPorts"]} == {contract["id"]}
    assert contract["team"]["name"] == product["team"]["name"] == RECORDS[id]().owner.team


def test_entropy_datas_own_client_sends_the_same_requests(clients: Path, tmp_path: Path) -> None:
    ours, theirs = EntropyData(), EntropyData()
    try:
        adapter = adapters.find("entropy-data")
        adapter.publish(RECORDS["consumer"](), CatalogConnection(ours.url, TOKEN))
        for _, path, body in ours.seen:
            _, _, kind, id = path.split("/", 3)
            (tmp_path / "body.json").write_text(json.dumps(body), "utf-8")
            done = subprocess.run(
                [clients / "entropy-data", kind, "put", id, "--file", tmp_path / "body.json"],
                capture_output=True,
                text=True,
                env=children_environment(PATH="/usr/bin:/bin", HOME=str(tmp_path), ENTROPY_DATA_API_KEY=TOKEN, ENTROPY_DATA_HOST=theirs.url),
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
        assert theirs.seen == ours.seen
        assert len({path.split("/")[2] for _, path, _ in ours.seen}) == 3
    finally:
        ours.close()
        theirs.close()


# -- what tests need ----------------------------------------------------------------------------------


def entities_of(id: str) -> list[dict[str, Any]]:
    return adapters.find("backstage").payloads(RECORDS[id]())[0].body


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)


def undated(store: Any) -> Any:
    """The store without the day on which access was asked for, should midnight pass."""
    return json.loads(re.sub(r'"startDate": "[0-9-]+"', '"startDate": ""', json.dumps(store)))
