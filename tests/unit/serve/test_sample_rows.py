"""Sample rows in the catalog: each reader is shown what their role sees, and no answer has anything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from records import value
from served import served
from starlette.testclient import TestClient

from meshwright.mesh.sample_rows import RoleSample, SampleColumn, SampleRows, policy_digest, sample_rows
from meshwright.product.record import Record
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.catalog_store.tokens import EMAIL, GROUP, PERSON, PRODUCT, READ
from meshwright.serve.rights import SESSION
from meshwright.serve.site import export
from meshwright.serve.visible_samples import visible_samples

OPEN, CLOSED = "airport-operations/open-flights", "airport-operations/closed-flights"
ROLES: dict[str, Any] = {
    "reader": {"kind": "human", "clearance": ["public", "internal"], "above": "mask"},
    "auditor": {"kind": "human", "clearance": ["public", "internal", "confidential"], "above": "deny"},
    "trained": {"kind": "human", "clearance": ["public", "internal"], "requires": {"trained": "yes"}},
    "glass": {"kind": "human", "clearance": ["public", "internal", "confidential"], "breakGlass": True},
    "service": {"kind": "machine", "clearance": ["public", "internal", "confidential"]},
}
MASKS = {"confidential": {"string": "redacted"}}
ORIGIN, PILOT, EMAIL_VALUE, SEEMS = "Zephyr-origin", "Zephyr-pilot", "zephyr.q@example.org", "Zephyr-seems"
SECRETS = (ORIGIN, PILOT, EMAIL_VALUE, SEEMS, "Zephyr-glass", "Zephyr-service", "Zephyr-trained")
LATER, EARLIER = "2999-01-01T00:00:00+00:00", "2020-01-01T00:00:00+00:00"
COLUMNS = (
    ("origin", "string", "internal"),
    ("pilot", "string", "confidential"),
    ("email", "string", "internal"),
    ("remark", "string", "internal"),
)


def flights(id: str, mode: str, **changes: Any) -> Record:
    """A product with a confidential column, one whose name is personal, and one whose values are; and its agreements."""
    made = value(id, policy__roles=ROLES, policy__masks=MASKS, product__spec__access__mode=mode, **changes)
    made["contract"]["schema"][0]["properties"] = [
        {"name": name, "logicalType": kind, "classification": level} for name, kind, level in COLUMNS
    ]
    people = {
        "ada": ("auditor", ["id:Ada@example.org"], LATER),
        "grp": ("auditor", ["group:controllers"], LATER),
        "old": ("auditor", ["id:old@example.org"], EARLIER),
        "ungranted": ("auditor", ["id:new@example.org"], LATER),
        "trains": ("trained", ["id:tom@example.org"], LATER),
        "breaks": ("glass", ["id:tom@example.org"], LATER),
        "runs": ("service", ["id:tom@example.org"], LATER),
    }
    made["readers"] = [
        {"agreement": name, "role": role, "principals": who, "until": until}
        for name, (role, who, until) in people.items()
    ]
    (address, *_), entries = made["addresses"], made["addresses"]
    entries[address]["agreements"] = {
        name: {"role": role, "location": "x", "columns": {}, "until": until}
        for name, (role, _, until) in people.items()
        if name != "ungranted"
    }
    return Record(made)


def sample(record: Record) -> SampleRows:
    """What the product would have sent: the reader's mask is applied, and the rest is what each role sees."""
    columns = {name: SampleColumn(name, "clear", name in ("email", "remark")) for name, _, _ in COLUMNS}
    masked = replace(columns["pilot"], mask="redacted")
    seen = RoleSample((*(columns[name] for name in ("origin",)), masked, columns["email"], columns["remark"]), ((ORIGIN, "***", EMAIL_VALUE, SEEMS),))  # fmt: skip
    whole = RoleSample(tuple(columns.values()), ((ORIGIN, PILOT, EMAIL_VALUE, SEEMS),))
    roles = {"reader": seen, "auditor": whole}
    for name in ("trained", "glass", "service"):
        roles[name] = RoleSample((columns["origin"],), ((f"Zephyr-{name}",),))
    return SampleRows("lake", policy_digest(record), True, roles)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, CatalogStore]]:
    records = [flights(OPEN, "open"), flights(CLOSED, "approval-required")]
    with served(tmp_path_factory.mktemp("samples"), records) as (client, store):
        for record in records:
            token = store.tokens.create({PRODUCT + record.id})[0]
            sent = client.put(
                f"/api/products/{record.id}/sample",
                json=sample(record).value(),
                headers={"Authorization": f"Bearer {token}"},
            )
            assert sent.json() == {"outcome": "updated", "id": record.id}
            assert store.samples.put(record.id, sample(record)) == "unchanged"
        yield client, store


def answers(catalog: tuple[TestClient, CatalogStore], *scopes: str) -> dict[str, str]:
    """Everything that the catalog answers to somebody with a session of these scopes; nobody's, if there are none."""
    client, store = catalog
    cookie = {"Cookie": f"{SESSION}={store.tokens.create(set(scopes))[0]}"} if scopes else {}
    hashes = {id: store.products.versions(id)[0].hash for id in (OPEN, CLOSED)}
    every = ["/", "/access", "/map", "/fitness", "/changes.atom", "/dcat.ttl", "/odps.json", "/api/records", "/openapi.json", f"/?q={ORIGIN}", "/api/products?q=Zephyr"]  # fmt: skip
    for id, hash in hashes.items():
        every += [f"/products/{id}", f"/products/{id}/versions/{hash}", f"/products/{id}/changes.atom", f"/api/products/{id}", f"/api/products/{id}/sample", f"/api/products/{id}/contract.yaml", f"/api/products/{id}/versions/{hash}", f"/products/{id}/dcat.ttl", f"/products/{id}/odps.yaml"]  # fmt: skip
    return {path: client.get(path, headers=cookie).text for path in every}


OF = {id: (f"/products/{id}", f"/api/products/{id}/sample") for id in (OPEN, CLOSED)}
ADA = (READ, EMAIL, PERSON + "ada@example.org")
CASES = {
    # who: (scopes, what they see of the open product, what they see of the closed one)
    "nobody": ((), {ORIGIN}, set()),
    "a program": ((READ,), {ORIGIN}, set()),
    "somebody": ((READ, EMAIL, PERSON + "eve@example.org"), {ORIGIN, EMAIL_VALUE, SEEMS}, set()),
    "an auditor": (ADA, {ORIGIN, PILOT, EMAIL_VALUE, SEEMS}, {ORIGIN, PILOT, EMAIL_VALUE, SEEMS}),
    "by group": ((READ, PERSON + "u1", GROUP + "controllers"), {ORIGIN, PILOT, EMAIL_VALUE, SEEMS}, {ORIGIN, PILOT, EMAIL_VALUE, SEEMS}),
    "not verified": ((READ, PERSON + "ada@example.org"), {ORIGIN, EMAIL_VALUE, SEEMS}, set()),
    "ended": ((READ, EMAIL, PERSON + "old@example.org"), {ORIGIN, EMAIL_VALUE, SEEMS}, set()),
    "not granted yet": ((READ, EMAIL, PERSON + "new@example.org"), {ORIGIN, EMAIL_VALUE, SEEMS}, set()),
    "other kinds of roles": ((READ, EMAIL, PERSON + "tom@example.org"), {ORIGIN, EMAIL_VALUE, SEEMS}, set()),
}  # fmt: skip


@pytest.mark.parametrize("who", CASES)
def test_no_answer_has_more_than_the_reader_sees(catalog: tuple[TestClient, CatalogStore], who: str) -> None:
    scopes, of_open, of_closed = CASES[who]
    texts = answers(catalog, *scopes)
    for path, text in texts.items():
        allowed = of_open if path in OF[OPEN] else of_closed if path in OF[CLOSED] else set()
        shown = {secret for secret in SECRETS if secret in text}
        asked = {ORIGIN} if path.startswith("/?q=") else set()  # the page repeats what was searched
        assert shown - asked == allowed - asked, path
    assert '"total": 0' in texts["/api/products?q=Zephyr"].replace('":0', '": 0')


def test_the_static_site_has_the_unmasked_columns_of_open_products_only(
    catalog: tuple[TestClient, CatalogStore], tmp_path: Path
) -> None:
    export(catalog[1], tmp_path / "site")
    found = {
        (file.relative_to(tmp_path / "site").as_posix(), secret)
        for file in (tmp_path / "site").rglob("*")
        if file.is_file()
        for secret in SECRETS
        if secret in file.read_text("utf-8")
    }
    assert found == {(f"products/{OPEN}/index.html", ORIGIN)}


STRICTER = {
    "another clearance": ("policy__roles__reader__clearance", ["public"]),
    "another mask": ("policy__masks", {"confidential": {"string": "empty"}}),
    "closed": ("product__spec__access__mode", "approval-required"),
    "confidential as a whole": ("product__spec__classification", "confidential"),
}


@pytest.mark.parametrize("change", STRICTER)
def test_rows_are_not_shown_after_the_product_became_stricter(change: str) -> None:
    sent = sample(flights(OPEN, "open"))
    assert visible_samples(flights(OPEN, "open"), sent, ())
    path, now = STRICTER[change]
    made = dict(flights(OPEN, "open").value)
    node: Any = made
    *way, last = path.split("__")
    for key in way:
        node[key] = dict(node[key])
        node = node[key]
    node[last] = now
    assert visible_samples(Record(made), sent, ()) in ((), [])


def test_a_column_that_became_more_sensitive_is_left_out() -> None:
    record = flights(OPEN, "open")
    sent = sample(record)
    record.value["contract"]["schema"][0]["properties"][0]["classification"] = "secret"
    shown = visible_samples(Record(record.value), sent, {"id:ada@example.org"})
    assert all("origin" not in one.columns and ORIGIN not in str(one.rows) for one in shown)
    assert any(PILOT in str(one.rows) for one in shown)


def test_what_only_the_record_calls_open_is_not() -> None:
    """Nobody authorised it, or a rule of the team denies it: the one who sent the rows knows, and the record does not."""
    record = flights(OPEN, "open")
    sent = replace(sample(record), open=False)
    assert not visible_samples(record, sent, ()) and not visible_samples(record, sent, {"id:eve@example.org"})
    assert [one.role for one in visible_samples(record, sent, {"id:ada@example.org"})] == ["auditor"]


def test_another_repository_does_not_inherit_the_rows(tmp_path: Path) -> None:
    record = flights(OPEN, "open")
    with served(tmp_path, [record]) as (client, store):
        store.samples.put(OPEN, sample(record))
        assert ORIGIN in client.get(f"/products/{OPEN}").text
        other = Record({**record.value, "source": {"repository": "https://git.example.org/other.git"}})
        store.products.put(other, transfer=True)
        assert ORIGIN not in client.get(f"/products/{OPEN}").text
        assert client.get(f"/api/products/{OPEN}/sample").json() == {"samples": []}


def test_texts_of_rows_are_never_markup(tmp_path: Path) -> None:
    record = flights(OPEN, "open")
    bad = '"><script>alert(1)</script>\u202e'
    rows = RoleSample((SampleColumn("origin", "clear", False),), ((bad,), (None,)))
    with served(tmp_path, [record]) as (client, store):
        store.samples.put(OPEN, SampleRows("<b>", policy_digest(record), True, {"reader": rows}))
        text = client.get(f"/products/{OPEN}").text
    assert "<script>alert" not in text and "\u202e" not in text and "<b> " not in text
    assert "&lt;script&gt;alert(1)" in text


BROKEN: dict[str, Any] = {
    "no object": [],
    "a part too many": {"port": "a", "policy": "b", "open": True, "roles": {}, "raw": [["x"]]},
    "a value too long": {"port": "a", "policy": "b", "open": True, "roles": {"r": {"columns": [{"name": "a", "mask": "clear", "personal": False}], "rows": [["x" * 81]]}}},
    "no text": {"port": "a", "policy": "b", "open": True, "roles": {"r": {"columns": [{"name": "a", "mask": "clear", "personal": False}], "rows": [[1]]}}},
    "values without a column": {"port": "a", "policy": "b", "open": True, "roles": {"r": {"columns": [], "rows": [["x"]]}}},
    "too many rows": {"port": "a", "policy": "b", "open": True, "roles": {"r": {"columns": [], "rows": [[]] * 11}}},
    "too many roles": {"port": "a", "policy": "b", "open": True, "roles": {f"r{n}": {"columns": [], "rows": []} for n in range(21)}},
    "a column twice": {"port": "a", "policy": "b", "open": True, "roles": {"r": {"columns": [{"name": "a", "mask": "clear", "personal": False}] * 2, "rows": []}}},
    "an empty name": {"port": "", "policy": "b", "open": True, "roles": {}},
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_sample_is_refused(case: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        sample_rows(BROKEN[case])


def test_only_its_own_product_sends_rows(catalog: tuple[TestClient, CatalogStore]) -> None:
    client, store = catalog
    body = sample(flights(CLOSED, "approval-required")).value()

    def put(id: str, *scopes: str, cookie: bool = False) -> int:
        token = store.tokens.create(set(scopes))[0]
        sent = {"Cookie": f"{SESSION}={token}"} if cookie else {"Authorization": f"Bearer {token}"}
        return client.put(f"/api/products/{id}/sample", json=body, headers=sent).status_code

    assert put(CLOSED, PRODUCT + OPEN) == put(CLOSED, READ) == 403
    assert put(CLOSED, *ADA, cookie=True) == 401
    assert put("no/such", "admin") == 404
    bad = client.put(f"/api/products/{OPEN}/sample", json={}, headers={"Authorization": f"Bearer {store.tokens.create({PRODUCT + OPEN})[0]}"})  # fmt: skip
    assert bad.status_code == 422 and bad.json()["error"] == "invalid"
