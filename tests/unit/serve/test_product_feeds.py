"""The feeds for other catalogs, read by rdflib, held against DCAT-AP's constraints, and asked for as harvesters do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import rdflib
import yaml
from checkout import ROOT
from hostile_records import hostile
from hypothesis import given, settings
from hypothesis import strategies as st
from pyshacl import validate
from rdflib.compare import isomorphic
from rdflib.namespace import DCAT, DCTERMS, RDF
from records import record, value
from served import ADDRESS, served
from starlette.testclient import TestClient

from meshwright.export import dcat, linked_data, odps
from meshwright.product.record import Record
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.links import Absolute
from meshwright.serve.site import export

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")
HYDRA = rdflib.Namespace("http://www.w3.org/ns/hydra/core#")
PRODUCT = "airport-operations/departures"
DATASET = rdflib.URIRef(f"{ADDRESS}/products/{PRODUCT}#dataset")
FORMS = {"jsonld": "json-ld", "ttl": "turtle"}
OPEN = {"product__spec__access__mode": "open", "product__spec__classification": "public"}


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    reads = f"dp:{PRODUCT}#lake"
    made = [
        record(),
        record("rail-operations/arrivals", **OPEN),
        record("rail-operations/delays", kind="consumer-oriented", reads=reads),
    ]
    return {one.id: one for one in made}


@pytest.fixture(scope="module")
def catalog(
    records: dict[str, Record], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestClient, CatalogStore]]:
    with served(tmp_path_factory.mktemp("catalog"), [*records.values()]) as made:
        yield made


def graph(text: bytes | str, form: str, base: str = f"{ADDRESS}/") -> rdflib.Graph:
    return rdflib.Graph().parse(data=text, format=FORMS[form], publicID=base)


def whole(client: TestClient, path: str, form: str) -> tuple[rdflib.Graph, int]:
    """All pages of a feed in one graph, as a harvester follows them, and how many they are."""
    found, pages = rdflib.Graph(), 0
    while path:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        page = graph(answer.content, form)
        following = [str(one) for one in page.objects(None, HYDRA.next)]
        assert [f'<{one}>; rel="next"' for one in following] == answer.headers.get_list("link")
        found, pages, path = found + page, pages + 1, "".join(following).removeprefix(ADDRESS)
    return found, pages


@pytest.mark.parametrize("form", FORMS)
def test_a_feed_keeps_what_dcat_ap_asks_for(catalog: tuple[TestClient, CatalogStore], form: str) -> None:
    found, pages = whole(catalog[0], f"/dcat.{form}?limit=2", form)
    shapes = rdflib.Graph().parse(ROOT / "tests/data/dcat-ap-shapes.ttl")
    conforms, _, report = validate(found, shacl_graph=shapes)
    assert conforms, report
    assert pages == 2 and len(set(found.objects(None, DCAT.dataset))) == 3
    assert set(found.subjects(RDF.type, DCAT.Dataset)) == set(found.objects(None, DCAT.dataset))


def test_the_shapes_see_what_is_missing(catalog: tuple[TestClient, CatalogStore]) -> None:
    shapes = rdflib.Graph().parse(ROOT / "tests/data/dcat-ap-shapes.ttl")
    for missing in (DCTERMS.title, DCAT.contactPoint, DCAT.accessURL, DCTERMS.license):
        found = graph(catalog[0].get("/dcat.ttl").content, "ttl")
        found.remove((None, missing, None))
        assert not validate(found, shacl_graph=shapes)[0], missing


def test_a_data_set_says_what_its_record_says(catalog: tuple[TestClient, CatalogStore]) -> None:
    found = graph(catalog[0].get(f"/products/{PRODUCT}/dcat.ttl").content, "ttl")

    def text(of: rdflib.term.Node, path: rdflib.URIRef) -> str:
        return str(found.value(of, path))

    assert text(DATASET, DCTERMS.identifier) == f"dp:{PRODUCT}"
    assert text(DATASET, DCAT.version) == "1.0.0"
    assert text(DATASET, DCTERMS.accessRights).endswith("/RESTRICTED")
    assert text(DATASET, DCTERMS.conformsTo) == f"{ADDRESS}/api/products/{PRODUCT}/contract.yaml"
    assert found.value(DATASET, DCTERMS.modified) == rdflib.Literal(
        "2026-11-22T10:00:00+00:00", datatype=rdflib.XSD.dateTime
    )
    port = next(found.objects(DATASET, DCAT.distribution))
    assert text(port, DCAT.accessURL) == f"{ADDRESS}/products/{PRODUCT}#read"
    assert text(port, DCAT.mediaType).endswith("application/vnd.apache.parquet")
    assert found.value(port, DCAT.downloadURL) is None  # access needs an approval


def test_open_data_is_public_and_can_be_downloaded_and_sources_are_linked(
    catalog: tuple[TestClient, CatalogStore],
) -> None:
    found = graph(catalog[0].get("/dcat.jsonld").content, "jsonld")
    arrivals = rdflib.URIRef(f"{ADDRESS}/products/rail-operations/arrivals#dataset")
    assert str(found.value(arrivals, DCTERMS.accessRights)).endswith("/PUBLIC")
    links = [found.value(one, DCAT.downloadURL) for one in found.objects(arrivals, DCAT.distribution)]
    assert links and all(
        str(one).startswith("https://data.example.org/rail-operations/arrivals/") for one in links
    )
    delays = rdflib.URIRef(f"{ADDRESS}/products/rail-operations/delays#dataset")
    assert found.value(delays, rdflib.PROV.wasDerivedFrom) == DATASET


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/turtle", "text/turtle"),
        ("text/turtle;q=0.5, application/ld+json", "application/ld+json"),
        ("application/ld+json;q=0.3, text/turtle;q=0.9", "text/turtle"),
        ("*/*", "application/ld+json"),
        ("text/turtle;q=x", "application/ld+json"),
    ],
)
def test_the_form_is_negotiated(catalog: tuple[TestClient, CatalogStore], accept: str, kind: str) -> None:
    for path in ("/dcat", f"/products/{PRODUCT}/dcat"):
        answer = catalog[0].get(path, headers={"Accept": accept})
        assert answer.headers["content-type"].partition(";")[0] == kind and answer.headers["vary"].startswith(
            "Accept,"
        )
        assert len(graph(answer.content, "ttl" if kind == "text/turtle" else "jsonld")) > 50


def test_a_feed_is_packed_for_whoever_takes_it(catalog: tuple[TestClient, CatalogStore]) -> None:
    answers = {
        coding: catalog[0].get("/dcat.ttl", headers={"Accept-Encoding": coding})
        for coding in ("gzip", "identity")
    }
    sizes = {coding: int(answer.headers["content-length"]) for coding, answer in answers.items()}
    assert answers["gzip"].text == answers["identity"].text and 3 * sizes["gzip"] < sizes["identity"]


def test_hostile_texts_stay_texts_in_both_forms() -> None:
    injected = (
        '" . <urn:evil> a <urn:Evil> . <x> <y> """\\ \x00\ud800\u202e\u2028\r\n{"@id": "urn:evil"} @prefix'
    )
    hurt = record(product__spec__description__purpose=injected, product__metadata__title="@context")
    hurt.value["contract"]["tags"] = [injected, "@id", "dct:title"]
    hurt.value["product"]["spec"]["owner"]["email"] = 'a>b" . <urn:evil> <p> <o>'
    longer = hostile()
    longer.value["product"]["spec"]["description"]["purpose"] = longer.purpose[:500]
    for one in (hurt, longer):
        nodes = [dcat.dataset(one, Absolute(ADDRESS), "no time")]
        read = {
            "ttl": graph(linked_data.turtle(nodes, dcat.CONTEXT).encode(), "ttl"),
            "jsonld": graph(linked_data.json_ld(nodes, dcat.CONTEXT).encode(), "jsonld"),
        }
        assert isomorphic(read["ttl"], read["jsonld"])
        subjects = {str(name) for name in read["ttl"].subjects() if isinstance(name, rdflib.URIRef)}
        assert not [
            name
            for name in subjects
            if not name.startswith(("https://", "http://publications", "urn:meshwright:"))
        ]
        assert len(list(read["ttl"].subjects(RDF.type, DCAT.Dataset))) == 1
        assert all(sign not in linked_data.turtle(nodes, dcat.CONTEXT) for sign in "\x00\ud800\u202e\u2028\r")
    keywords = {str(word) for word in read_keywords(hurt)}
    assert {"@id", "dct:title"} < keywords and len(keywords) == 3


def read_keywords(one: Record) -> Iterator[rdflib.term.Node]:
    nodes = [dcat.dataset(one, Absolute(ADDRESS), "")]
    return graph(linked_data.json_ld(nodes, dcat.CONTEXT).encode(), "jsonld").objects(None, DCAT.keyword)


SIGNS = 'a"\\<>{}|^`\n\r\t\x00@:#;.,[]()é\u2028\ud800🛩'
TEXTS = st.text(st.sampled_from(SIGNS), max_size=12)


@settings(max_examples=12, deadline=None)
@given(st.lists(TEXTS, min_size=6, max_size=6))
def test_both_forms_are_one_graph_whatever_a_record_says(texts: list[str]) -> None:
    made = value()
    title, version, person, mail, team, port = texts
    made["product"]["metadata"] |= {"title": title, "version": version}  # a catalog takes no other ids
    made["product"]["spec"]["owner"] = {"name": person, "email": mail, "team": team}
    made["product"]["spec"]["outputs"][0] |= {"name": port, "uses": title}
    made["product"]["spec"]["inputs"][0]["from"] = f"dp:{team}"
    made["product"]["spec"]["access"]["mode"] = "open"
    made["addresses"] = {f"dp:{PRODUCT}#{port}": {"location": f"https://x.example.org/{person}"}}
    nodes = [dcat.dataset(Record(made), Absolute(ADDRESS), version)]
    written = (
        linked_data.turtle(nodes, dcat.CONTEXT).encode(),
        linked_data.json_ld(nodes, dcat.CONTEXT).encode(),
    )
    assert isomorphic(graph(written[0], "ttl"), graph(written[1], "jsonld"))


# -- Open Data Product Standard ------------------------------------------------------------------------


def test_the_documents_of_the_standard_are_those_of_the_export(
    catalog: tuple[TestClient, CatalogStore], records: dict[str, Record]
) -> None:
    expected = {id: odps.document(one) for id, one in records.items()}
    path, found = "/odps.json?limit=2", []
    while path:
        page = catalog[0].get(path).json()
        found += page["products"]
        path = (page["next"] or "").removeprefix(ADDRESS)
    assert {one["id"]: one for one in found} == expected
    answer = catalog[0].get(f"/products/{PRODUCT}/odps.yaml")
    assert (
        yaml.safe_load(answer.text) == expected[PRODUCT]
        and answer.headers["content-type"] == "application/yaml"
    )


# -- who sees what, and where --------------------------------------------------------------------------

WHOLE = ("/dcat", "/dcat.ttl", "/dcat.jsonld", "/odps.json")
OWN = tuple(f"/products/{PRODUCT}/{file}" for file in ("dcat.ttl", "dcat.jsonld", "odps.yaml"))


def test_a_private_catalog_shows_feeds_to_whoever_may_read_the_same_pages(tmp_path: Path) -> None:
    with served(tmp_path, [record(), record("rail-operations/arrivals")], private=True) as (client, store):
        own, _ = store.tokens.create({f"product:{PRODUCT}"}, "", hours=1)
        reader, _ = store.tokens.create({"read"}, "", hours=1)
        statuses = {
            token: [
                client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code
                for path in (*WHOLE, *OWN)
            ]
            for token in ("none", own, reader)
        }
        assert statuses == {"none": [401] * 7, own: [403] * 4 + [200] * 3, reader: [200] * 7}
        store.products.retire(PRODUCT, "Nobody reads it.", None)
        headers = {"Authorization": f"Bearer {reader}"}
        assert [client.get(path, headers=headers).status_code for path in OWN] == [410] * 3
        assert all(PRODUCT not in client.get(path, headers=headers).text for path in WHOLE)


def test_pages_name_their_feeds(catalog: tuple[TestClient, CatalogStore]) -> None:
    home, page = (catalog[0].get(path).text for path in ("/", f"/products/{PRODUCT}"))
    for kind, of_all, of_one in (
        ("application/ld+json", "./dcat.jsonld", f"../../products/{PRODUCT}/dcat.jsonld"),
        ("text/turtle", "./dcat.ttl", f"../../products/{PRODUCT}/dcat.ttl"),
        ("application/atom+xml", "./changes.atom", f"../../products/{PRODUCT}/changes.atom"),
    ):
        assert f'<link rel="alternate" type="{kind}"' in home and f'href="{of_all}"' in home
        assert f'<link rel="alternate" type="{kind}"' in page and f'href="{of_one}"' in page


def test_the_site_has_the_feeds_as_files(
    catalog: tuple[TestClient, CatalogStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshwright.serve.site.FEED", 2)
    export(catalog[1], tmp_path / "site")
    found = rdflib.Graph()
    for name in ("dcat.ttl", "dcat-2.ttl"):
        found += graph((tmp_path / "site" / name).read_bytes(), "ttl", "https://files.example.org/mesh/")
    assert len(set(found.objects(None, DCAT.dataset))) == 3
    assert list(found.objects(None, HYDRA.next)) == [
        rdflib.URIRef("https://files.example.org/mesh/dcat-2.ttl")
    ]
    page = rdflib.URIRef(f"https://files.example.org/mesh/products/{PRODUCT}/index.html#dataset")
    own = f"https://files.example.org/mesh/products/{PRODUCT}/dcat.jsonld"
    one = graph((tmp_path / f"site/products/{PRODUCT}/dcat.jsonld").read_bytes(), "jsonld", own)
    assert (page, RDF.type, DCAT.Dataset) in found and (page, RDF.type, DCAT.Dataset) in one
    assert (tmp_path / "site/odps-2.json").is_file() and (
        tmp_path / f"site/products/{PRODUCT}/odps.yaml"
    ).is_file()
