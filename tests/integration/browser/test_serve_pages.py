"""The embedded catalog's pages as people see them: in a real browser, on a phone, by keyboard, without JavaScript, and
as files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from assessments import assessment
from catalog_server import Catalog, catalog
from npm import AXE, package
from playwright.sync_api import Browser, Page, sync_playwright
from records import value

CHROMIUM = Path("/usr/bin/chromium")
SOON = (datetime.now(UTC) + timedelta(days=90)).isoformat(timespec="seconds")
PATHS = (
    "/",
    "/?q=departures&domain=airport-operations",
    "/products/airport-operations/departures",
    "/products/customer-experience/punctuality",
    "/products/airport-operations/old",
    "/domains/airport-operations",
    "/access",
    "/fitness",
    "/api",
    "/map",
    "/no/where",
)

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7*7}}</title></style></textarea>-->"
HOSTILE: dict[str, Any] = {
    "product__metadata__title": f"Evil {SCRIPT}",
    "product__spec__description__purpose": f"Because {SCRIPT} " + "long" * 400,
    "product__spec__description__usage": f"Never {SCRIPT}",
    "product__spec__owner__name": SCRIPT,
    "product__spec__owner__team": SCRIPT,
    "product__spec__useCases": [{"name": SCRIPT, "users": [SCRIPT], "action": f"To {SCRIPT}", "outputs": ["lake"]}],
    "contract__tags": [SCRIPT, "\u202eevil", "javascript:alert(3)"],
    "contract__schema__0__description": SCRIPT,
    "contract__schema__0__properties__0__description": SCRIPT + "long" * 250_000,
    "contract__schema__0__quality": [{"type": "sql", "query": SCRIPT, "mustBe": 0, "description": SCRIPT}],
    "contract__schema__0__properties__0__examples": [SCRIPT],
    "agreement": f"# {SCRIPT}\n<iframe src=javascript:alert(4)>",
    "source__repository": "javascript:alert(5)//git.example.org",
    "source__commit": SCRIPT[:60],
    "quality__problem": SCRIPT,
    "quality__failed": [{"name": SCRIPT, "result": "failed", "field": SCRIPT, "reason": SCRIPT}],
    "readers": [
        {"agreement": SCRIPT, "role": "reader", "principals": [f"group:{SCRIPT}", "id:bo"], "until": SOON, "team": SCRIPT, "consumer": SCRIPT}
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """A small mesh with a product that was retired, one that is hostile, and an assessment."""
    with catalog(tmp_path_factory.mktemp("pages")) as server:
        for record in (
            value(),
            value("airport-operations/old", product__metadata__title="Old departures"),
            value(
                "customer-experience/punctuality",
                "consumer-oriented",
                reads="dp:airport-operations/departures#lake",
                readers=[
                    {"agreement": "delays", "role": "reader", "principals": ["group:analysts", "id:bo", "id:cy"], "until": SOON},
                    {"agreement": "robots", "role": "service", "principals": ["id:planner"], "until": "2020-01-01T00:00:00Z"},
                ],
            ),
            value("evil/evil", addresses={"dp:evil/evil#lake": {"uses": "parquet@1", "location": "javascript:alert(6)//'\"/x"}}, **HOSTILE),
            *(value(f"many/product-{number:02}") for number in range(25)),
        ):  # fmt: skip
            assert (answer := server.put(record)).status == 201, answer.text
        newer = value()
        newer["product"]["metadata"]["version"] = "1.1.0"
        assert server.put(newer).json["outcome"] == "updated"
        said = {"reason": f"Superseded. {SCRIPT}", "successor": "airport-operations/departures"}
        server.ask("POST", "/api/products/airport-operations/old/retire", said, server.token("admin"))
        told = assessment(("airport-operations/departures", 100), ("evil/evil", 10))
        told["products"][1]["results"][0]["verdicts"][0]["evidence"] = SCRIPT
        told["products"][1]["title"] = SCRIPT
        assert server.ask("POST", "/api/assessments", told, server.token("assess")).status == 201
        yield server


class Watched:
    """A page, and all that it complained about or ran that nobody asked for."""

    def __init__(self, page: Page) -> None:
        self.page, self.complaints = page, []
        page.on(
            "dialog", lambda dialog: (self.complaints.append(f"dialog {dialog.message}"), dialog.dismiss())
        )
        page.on("pageerror", lambda error: self.complaints.append(f"error {error}"))
        page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)  # fmt: skip
        page.on("request", lambda request: self.complaints.append(f"request {request.url}") if urlsplit(request.url).hostname not in ("127.0.0.1", None) and not request.url.startswith("data:") else None)  # fmt: skip

    def open(self, address: str) -> None:
        self.page.goto(address)
        wanted = "document.querySelectorAll('img, iframe, object, embed, [onerror], [onclick], a[href^=javascript]').length"
        assert self.page.evaluate(wanted) == 0, address
        assert "49" not in self.page.title()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_every_page_fits_runs_nothing_of_a_record_and_says_what_it_is(
    mesh: Catalog, browser: Browser, width: int, scripts: bool
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=scripts)
    watched = Watched(context.new_page())
    versions = mesh.get("/api/products/evil/evil/versions").json["versions"]
    own = ("/products/evil/evil", f"/products/evil/evil/versions/{versions[0]['hash']}", "/domains/evil")
    for path in (*PATHS, *own):
        watched.open(mesh.url + path)
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert watched.page.evaluate("document.querySelectorAll('h1').length") == 1, path
        assert watched.page.title(), path
    expected = ["Failed to load resource: the server responded with a status of 404 (Not Found)"]
    assert [said for said in watched.complaints if "/favicon.ico" not in said and said not in expected] == []
    context.close()


@pytest.mark.main
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_no_page_shuts_anybody_out(mesh: Catalog, browser: Browser, scheme: Any, width: int) -> None:
    """By axe, WCAG 2.2 AA and its best practices."""
    axe = (package(*AXE) / "axe.min.js").read_text("utf-8")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    found = []
    for path in (*PATHS, "/?q=nothing-like-it", "/products/evil/evil"):
        page.goto(mesh.url + path)
        page.evaluate(axe)
        answer = page.evaluate(
            "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", tags
        )
        found += [(path, one["id"], one["nodes"][0]["target"]) for one in answer["violations"]]
    context.close()
    assert found == []


def test_a_product_says_all_that_somebody_needs_to_use_it(mesh: Catalog, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{mesh.url}/products/customer-experience/punctuality")
    text = page.inner_text("main")
    for words in (
        "How punctual the airlines were",
        "dp:customer-experience/punctuality#lake",
        "read_parquet('https://data.example.org/customer-experience/punctuality/roles/reader/lake.parquet')",
        "meshwright access request",
        "mean_delay_minutes",
        "<= 24h",
        "analysts, 2 people",
        "planner",
        "ended",
        "Airline league table",
        "Two-character IATA code of the airline.",
    ):
        assert words in text, words
    assert "bo" not in text.split() and "cy" not in text.split(), "single people are only counted"
    assert page.locator("a[href='mailto:ada%40example.org'], a[href='mailto:ada@example.org']").count() >= 1
    page.get_by_role("link", name="Departures", exact=True).click()
    assert page.url.endswith("/products/airport-operations/departures")
    assert "Punctuality" in page.inner_text("#lineage ~ .flow")
    page.click(
        f"text={mesh.get('/api/products/airport-operations/departures/versions').json['versions'][1]['hash'][:12]}"
    )
    assert "no longer does" in page.inner_text("main")
    page.goto(f"{mesh.url}/products/airport-operations/old")
    assert "Retired on" in page.inner_text("main")
    page.get_by_role("link", name="Departures", exact=True).click()
    assert page.url.endswith("/products/airport-operations/departures")
    page.close()


def test_what_is_there_to_be_copied_has_a_button(mesh: Catalog, browser: Browser) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{mesh.url}/products/airport-operations/departures")
    buttons = page.locator("button.copy")
    assert buttons.count() == page.locator("pre[data-copy]").count() > 3
    first = page.locator("pre[data-copy]").first
    assert "/roles/reader/" in first.inner_text(), "where the role reads, and not the owner"
    buttons.first.click()
    page.get_by_role("status").get_by_text("Copied").wait_for(state="attached")
    assert page.evaluate("navigator.clipboard.readText()") == first.text_content()
    context.close()


def test_search_narrows_down_and_turns_pages_by_keyboard_alone_and_without_scripts(
    mesh: Catalog, browser: Browser
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(mesh.url)

    def tab_to(words: str) -> None:
        for _ in range(120):
            page.keyboard.press("Tab")
            # Playwright's own evaluation still works where the page's scripts do not.
            told = page.evaluate(
                "(document.activeElement.innerText || document.activeElement.placeholder || '') + '|' + getComputedStyle(document.activeElement).outlineStyle"
            )
            name, _, outline = told.rpartition("|")
            if words in name:
                assert outline != "none", "focus can be seen"
                return
        raise AssertionError(f"{words} cannot be reached by keyboard")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "To the content"
    assert "28 products, 1 to 20" in page.inner_text("main")
    tab_to("More")
    page.keyboard.press("Enter")
    page.wait_for_url("**offset=20")
    assert "21 to 28" in page.inner_text("main")
    tab_to("Search titles")
    page.keyboard.type("airlines were punct")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=airlines**")
    assert "1 product" in page.inner_text("main")
    page.goto(mesh.url)
    tab_to("airport-operations")
    page.keyboard.press("Enter")
    page.wait_for_url("**domain=**")
    assert "1 product" in page.inner_text("main") and "Old departures" not in page.inner_text("main")
    context.close()


class Links(HTMLParser):
    """Where a page leads, and its places."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, said in attributes:
            if name == "href" and tag == "a" and said is not None:
                self.links.add(said)
            if name == "id" and said:
                self.places.add(said)


def test_no_link_of_the_catalog_is_broken(mesh: Catalog) -> None:
    seen: dict[str, Links] = {}
    waiting = [f"{mesh.url}/"]
    while waiting:
        url, _, place = waiting.pop().partition("#")
        if url not in seen:
            answer = mesh.get(url.removeprefix(mesh.url), Accept="text/html")
            assert answer.status == 200, url
            is_page = answer.headers["Content-Type"].startswith("text/html")
            seen[url] = Links(answer.text if is_page else "")
            found = (urljoin(url, link) for link in seen[url].links if link)
            waiting += [link for link in found if link.startswith(mesh.url) and "?" not in link]
        assert not place or place in seen[url].places or unquote(place) in seen[url].places, (url, place)
    assert len(seen) > 60


def test_the_exported_site_works_from_files_and_no_link_is_broken(
    mesh: Catalog, browser: Browser, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    mesh.run("site", str(site))
    seen: dict[Path, Links] = {}
    waiting = [(site / "index.html", "")]
    while waiting:
        file, place = waiting.pop()
        if file not in seen:
            text = file.read_text("utf-8")
            seen[file] = Links(text if file.suffix == ".html" else "")
            for link in seen[file].links:
                split = urlsplit(link)
                if split.scheme:
                    assert split.scheme in ("https", "mailto"), link
                elif link:
                    target = (file.parent / unquote(split.path)).resolve() if split.path else file
                    assert target.is_relative_to(site), link
                    waiting.append((target, split.fragment))
        assert not place or place in seen[file].places or unquote(place) in seen[file].places, (file, place)
    written = {file for file in site.rglob("*") if file.is_file() and not file.name.startswith(".")}
    retired = site / "products/airport-operations/old"
    assert {file for file in written if file.parent != retired} == set(seen)
    assert "Retired on" in (retired / "index.html").read_text("utf-8"), (
        "links from elsewhere still lead to it"
    )
    context = browser.new_context(viewport={"width": 390, "height": 800})
    watched = Watched(context.new_page())
    for name in (
        "products/evil/evil/index.html",
        "access.html",
        "map.html",
        "fitness.html",
        "domains/evil.html",
        "index.html",
    ):
        watched.open((site / name).as_uri())
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= 390, name
    page = watched.page
    assert page.locator("[data-entry]:visible").count() == 28
    page.fill("#q", "punctual airlines")
    assert page.locator("[data-entry]:visible").count() == 1
    page.click("text=Punctuality")
    assert page.url.endswith("products/customer-experience/punctuality/index.html")
    assert watched.complaints == []
    context.close()


def test_an_export_takes_the_place_of_an_earlier_one_and_of_nothing_else(
    mesh: Catalog, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    mesh.run("site", str(site))
    (site / "left-over.html").touch()
    mesh.run("site", str(site))
    assert (site / "index.html").is_file() and not (site / "left-over.html").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    assert "other files" in mesh.run("site", str(mine), code=2)
    assert [file.name for file in mine.iterdir()] == ["thesis.txt"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine", "site"], "nothing is left lying about"


def test_a_private_catalog_lets_a_browser_in_by_its_token(browser: Browser, tmp_path: Path) -> None:
    with catalog(tmp_path, private=True) as server:
        server.put(value())
        credentials = {"username": "anybody", "password": server.token("read")}
        context = browser.new_context(http_credentials=credentials)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{server.url}/products/airport-operations/departures")
        assert "Departures" in page.inner_text("h1")
        context.close()
        answer = server.get("/products/airport-operations/departures", Accept="text/html")
        assert answer.status == 401 and "Departures" not in answer.text


def test_the_page_of_an_empty_catalog_says_how_to_fill_it(tmp_path: Path) -> None:
    with catalog(tmp_path) as server:
        assert "meshwright catalog publish" in server.get("/").text
        assert "meshwright assess" in server.get("/fitness").text
        assert server.get("/map").status == 200
        assert server.get("/access").status == 200
        server.run("site", str(tmp_path / "site"))
        assert json.loads((tmp_path / "site/.meshwright-catalog").read_text())["products"] == 0
