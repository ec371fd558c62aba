"""The map's page and its flowchart in a real browser: with a script and without, by mouse, by keyboard and on a phone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import meshes
import npm
import pytest
from hostile_maps import HOSTILE, hostile, mapped
from npm import MERMAID

from meshwright.map import html, mermaid, svg

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 800}
DEPARTURES, PUNCTUALITY = "airport-operations/departures", "customer-experience/punctuality"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("no Chromium: pages are looked at in it")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    many = meshes.values(500)
    many[77]["product"]["spec"]["inputs"] = [{"name": "gone", "uses": "data-product@1", "from": "dp:no/where#lake"}]  # fmt: skip
    for name, values in {
        "small": meshes.small(),
        "flawed": meshes.flawed(),
        "sixty": meshes.values(60),
        "many": many,
    }.items():
        (folder / f"{name}.html").write_text(html.drawn(mapped(values)), "utf-8")
    return folder


class Open:
    """A page that tells what went wrong in it."""

    def __init__(self, browser: Browser, file: Path, size: dict[str, int], script: bool, hash: str) -> None:
        self.errors: list[str] = []
        self.context = browser.new_context(viewport=size, java_script_enabled=script, has_touch=size is PHONE)
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: request.url.startswith("file:") or self.errors.append(request.url))  # fmt: skip
        self.page.goto(f"file://{file}{hash}")

    def __enter__(self) -> Page:
        return self.page

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert self.errors == []


@pytest.fixture
def opened(browser: Browser, pages: Path) -> Any:
    def open(name: str, size: dict[str, int] = WIDE, script: bool = True, hash: str = "") -> Open:
        return Open(browser, pages / f"{name}.html", size, script, hash)

    return open


def shown(page: Page) -> set[str]:
    """The products that are not faded."""
    return set(page.eval_on_selector_all(".product.on", "all => all.map(one => one.dataset.n.slice(2))"))


def view(page: Page) -> list[float]:
    return [float(one) for one in (page.get_attribute("svg.mesh", "viewBox") or "").split()]


MEASURE = """() => {
  const over = [];
  for (const text of document.querySelectorAll('svg.mesh .node text, svg.mesh .pill text, svg.mesh .badge text, svg.mesh .level text')) {
    const holder = text.closest('.pill, .badge, .level') || text.closest('.node'), rect = holder.querySelector('rect, path');
    if (!text.textContent || !rect) continue;
    const t = text.getBBox(), room = rect.getBBox();
    if (t.x < room.x - .5 || t.x + t.width > room.x + room.width + .5) over.push([text.textContent, t.width, room.width]);
  }
  return over;
}"""


@pytest.mark.parametrize("name", ["small", "flawed", "many"])
def test_no_text_is_wider_than_what_it_stands_in(opened: Any, name: str) -> None:
    with opened(name, script=False) as page:
        assert page.locator("svg.mesh").is_visible()
    with opened(name) as page:
        assert page.evaluate(MEASURE) == []
        if name == "many":
            page.goto(page.url + "#d:airport-operations")
            page.wait_for_selector("svg.mesh .product")
            assert page.evaluate(MEASURE) == []


@pytest.mark.parametrize("name", ["flawed", "many"])
def test_without_a_script_everything_is_there_in_words(opened: Any, name: str) -> None:
    with opened(name, script=False) as page:
        assert page.locator("#tools").is_hidden()
        assert page.locator("ol.issues li").count() > 0
        first = page.locator("svg.mesh a.node").first
        target = first.get_attribute("href")
        page.goto(page.url + str(target))
        assert page.evaluate("document.querySelector(':target') !== null")


@pytest.mark.parametrize("name", ["small", "flawed", "many"])
@pytest.mark.parametrize("script", [True, False])
def test_a_phone_scrolls_down_and_never_sideways(opened: Any, name: str, script: bool) -> None:
    with opened(name, PHONE, script) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        if script:
            page.evaluate("location.hash = document.querySelector('svg a').getAttribute('href')")
            sheet = page.locator("#panel")
            sheet.wait_for()
            box = sheet.bounding_box()
            assert box
            assert box["width"] == 390
            assert box["y"] > 300
            assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_click_fades_all_but_the_lineage_and_escape_brings_it_back(opened: Any) -> None:
    with opened("small") as page:
        page.locator(f"[data-n='p:{PUNCTUALITY}'] .title").click()
        assert shown(page) == {DEPARTURES, PUNCTUALITY, "customer-experience/airline-scorecards"}
        assert page.url.endswith(f"#{PUNCTUALITY}")
        assert page.locator("#panel h2").inner_text() == "Punctuality"
        assert "native" in page.locator("#panel").inner_text()
        page.locator("#down").uncheck()
        assert shown(page) == {DEPARTURES, PUNCTUALITY}
        page.locator("#down").check()
        page.locator("#panel").get_by_role("link", name="Flight departures").click()
        assert page.url.endswith(f"#{DEPARTURES}")
        page.locator("#depth").select_option("1")
        assert "customer-experience/airline-scorecards" not in shown(page)
        page.keyboard.press("Escape")
        assert page.locator("#panel").is_hidden()
        assert page.locator("svg.mesh.focused").count() == 0
        page.go_back()
        assert page.locator("#panel h2").inner_text() == "Flight departures"


@pytest.mark.main
def test_an_address_shows_what_it_names(opened: Any) -> None:
    with opened("small", hash=f"#{PUNCTUALITY}") as page:
        assert page.locator("#panel h2").inner_text() == "Punctuality"
        assert page.evaluate("scrollY") == 0
    with opened("many", hash="#d:airport-operations") as page:
        assert page.locator("#panel h2").inner_text() == "airport-operations"
        assert page.locator("svg .product").count() > 20


def test_everything_can_be_reached_and_moved_by_keyboard(opened: Any) -> None:
    with opened("flawed") as page:
        whole = view(page)
        page.locator("#stage").focus()
        page.keyboard.press("+")
        assert view(page)[2] < whole[2]
        before = view(page)
        page.keyboard.press("ArrowRight")
        assert view(page)[0] > before[0]
        page.keyboard.press("0")
        assert view(page) == whole
        for kind in ("system", "case", "user", "capability", "product"):
            page.locator(f"svg .{kind}").first.focus()
            page.keyboard.press("Enter")
            assert page.locator("#panel h2").inner_text()
            page.keyboard.press("Escape")
            assert page.locator("#panel").is_hidden()


def test_the_wheel_zooms_until_everything_is_seen_then_the_page_scrolls(opened: Any) -> None:
    with opened("flawed", {"width": 1280, "height": 1400}) as page:
        whole = view(page)
        page.locator("#stage").hover()
        page.mouse.wheel(0, -200)
        page.wait_for_function(f"Number(document.querySelector('svg.mesh').getAttribute('viewBox').split(' ')[2]) < {whole[2]}")  # fmt: skip
        for _ in range(3):
            page.mouse.wheel(0, 400)
            page.wait_for_timeout(60)
        assert view(page) == whole
        page.wait_for_function("scrollY > 0")


def test_over_a_map_that_is_taller_than_the_window_the_wheel_scrolls(opened: Any) -> None:
    with opened("flawed", {"width": 1280, "height": 500}) as page:
        whole = view(page)
        page.locator("#stage").hover()
        page.mouse.wheel(0, 200)
        page.wait_for_function("scrollY > 0")
        assert view(page) == whole
        page.keyboard.down("Control")
        page.mouse.wheel(0, -200)
        page.wait_for_function(f"Number(document.querySelector('svg.mesh').getAttribute('viewBox').split(' ')[2]) < {whole[2]}")  # fmt: skip
        page.keyboard.up("Control")


TEXTS = """() => {
  const svg = document.querySelector('svg.mesh'), scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  return [...svg.querySelectorAll('text')].filter((one) => one.textContent && one.getBoundingClientRect().width)
    .map((one) => parseFloat(getComputedStyle(one).fontSize) * scale);
}"""


@pytest.mark.parametrize("name", ["small", "sixty", "many"])
def test_every_text_can_be_read_and_the_whole_width_is_seen(opened: Any, name: str) -> None:
    with opened(name, {"width": 1440, "height": 900}) as page:
        assert min(page.evaluate(TEXTS)) >= 9
        for kind in ("system", "case", "user", "capability"):
            assert page.locator(f"svg.mesh .node.{kind}").first.is_visible()
        if name != "small":
            page.goto(page.url + "#d:airport-operations")
            page.locator("svg.mesh .product").first.wait_for()
            assert min(page.evaluate(TEXTS)) >= 9
    for size in (WIDE, PHONE):
        with opened(name, size) as page:
            stage, picture = page.locator("#stage").bounding_box(), page.locator("svg.mesh").bounding_box()
            assert stage
            assert picture
            assert abs(stage["width"] - picture["width"]) < 2
            with opened(name, size, script=False) as plain:
                assert view(page)[0::2] == view(plain)[0::2], "it starts with the whole width"


def test_find_and_filter(opened: Any) -> None:
    with opened("small") as page:
        page.get_by_label("Find").fill("utilisation")
        page.locator("#found a").first.wait_for()
        page.keyboard.press("Enter")
        assert page.locator("#panel h2").inner_text() == "Aircraft utilisation"
        page.locator("#domain").select_option("d:customer-experience")
        assert "fleet-management/aircraft" not in shown(page)
        assert PUNCTUALITY in shown(page)
        page.get_by_label("use cases").uncheck()
        assert page.locator("svg .case").first.is_hidden()
        page.get_by_label("Find").fill("no such thing")
        assert "Nothing is called so" in page.locator("#found").inner_text()


def test_a_large_mesh_opens_where_one_asks(opened: Any) -> None:
    with opened("many") as page:
        assert page.locator("svg .tile").count() == 25
        page.locator("svg .tile .title").first.click()
        assert page.locator("svg .product").count() > 0
        page.locator("svg .product .title").first.click()
        assert page.locator("svg .product.chosen").count() == 1
        assert page.evaluate(MEASURE) == []
        page.keyboard.press("Escape")
        assert page.locator("svg .tile .dot, svg .dots .dot").count() == 500
        page.evaluate("location.hash = '#' + encodeURI(document.querySelector('.issues a').textContent)")
        page.wait_for_selector("svg .ghost")
        assert "the mesh has no product" in page.locator("#panel").inner_text()


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_runs_or_leaves_its_place(browser: Browser, words: str, tmp_path: Path) -> None:
    file = tmp_path / "mesh.html"
    file.write_text(html.drawn(mapped(hostile(words))), "utf-8")
    with Open(browser, file, WIDE, True, "") as page:
        page.evaluate("location.hash = document.querySelector('svg a').getAttribute('href')")
        page.locator("#panel h2").wait_for()
        page.get_by_label("Find").fill(words[:5].strip() or "x")
        assert page.evaluate("window.pwned") is None
        assert page.locator("img, iframe, object").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        assert page.evaluate(MEASURE) == []


def test_a_large_mesh_draws_hostile_names_as_text(browser: Browser, tmp_path: Path) -> None:
    values = [
        value for number in range(10) for words in HOSTILE[:7] for value in _renamed(hostile(words), number)
    ]
    file = tmp_path / "mesh.html"
    file.write_text(html.drawn(mapped(values)), "utf-8")
    with Open(browser, file, WIDE, True, "") as page:
        page.locator("svg .tile .title").first.click()
        page.locator("svg .product .title").first.click()
        assert page.evaluate("window.pwned") is None
        assert page.locator("img, iframe, object").count() == 0


def _renamed(values: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    for value in values:
        value["product"]["metadata"]["name"] += f"-{number}"
    return values


def test_mermaid_takes_the_flowchart_whatever_it_is_called(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<div></div>")
    page.add_script_tag(path=npm.package(*MERMAID) / "dist" / "mermaid.min.js")
    page.evaluate("mermaid.initialize({startOnLoad: false})")
    named = [value for words in HOSTILE for value in hostile(words)[:1]]
    for values in (meshes.small(), meshes.flawed(), meshes.values(200), hostile(HOSTILE[4]), named):
        told = page.evaluate("chart => mermaid.parse(chart)", mermaid.flowchart(mapped(values)))
        assert told["diagramType"] == "flowchart-v2"
        assert told["config"] == {}
    everything = mapped(named[:7])
    drawn = page.evaluate(
        "async chart => { const {svg} = await mermaid.render('one', chart); document.querySelector('div').innerHTML = svg; "
        "return [...document.querySelectorAll('.node .nodeLabel')].map(one => one.textContent) }",
        mermaid.flowchart(everything),
    )
    assert page.evaluate("window.pwned") is None
    assert page.locator("svg a, svg img, svg script").count() == 0
    for product in everything["products"]:
        assert any(product["title"][:20].strip() in text for text in drawn), (
            product["title"],
            json.dumps(drawn),
        )
    page.close()


def test_a_picture_as_a_file_stands_alone(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "mesh.svg"
    file.write_text(svg.document(mapped(meshes.flawed())), "utf-8")
    with Open(browser, file, WIDE, True, "") as page:
        assert page.evaluate("document.documentElement.tagName") == "svg"
        assert page.evaluate("getComputedStyle(document.querySelector('.body')).strokeWidth") == "1.2px"
        assert page.evaluate(MEASURE) == []
