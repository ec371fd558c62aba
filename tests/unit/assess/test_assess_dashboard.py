"""The dashboard of `meshwright assess`, as people see it: in a real browser, with and without JavaScript."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meshwright.assess import dashboard, history
from meshwright.mesh import scores
from meshwright.mesh.scores import CHARACTERISTICS
from meshwright.mesh.standings import STANDINGS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="this machine has no Chromium")

AT = "2026-11-22T16:00:00+00:00"
EVIL = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>\"'><svg onload=window.hacked=1>"
FUNCTIONS = [
    {"id": f"{name.title().replace('-', '')}{part}", "characteristic": name, "severity": severity, "question": f"Is it {name}?", "why": "Because."}
    for name in CHARACTERISTICS
    for part, severity in (("First", "critical"), ("Second", "medium"))
]  # fmt: skip
KINDS = {one["id"]: (one["characteristic"], one["severity"]) for one in FUNCTIONS}


def product(id: str, states: dict[str, str] | None = None, title: str = "", said: str = "It is") -> dict[str, Any]:  # fmt: skip
    """`states`: function -> state; all others are kept."""
    results = []
    for function in FUNCTIONS:
        state = (states or {}).get(function["id"], "kept")
        was = "broken" if state == "excepted" else state
        fix = "Fix the port." if was == "broken" else ""
        result = {"function": function["id"], "state": state, "verdicts": [{"state": was, "evidence": f"{said} {was}.", "fix": fix, "place": "lake"}]}  # fmt: skip
        if state == "excepted":
            result |= {"reason": "The old warehouse goes in spring.", "until": "2026-12-01"}
        results.append(result)
    cells = scores.cells(results, KINDS)
    found = {name: cell.score for name, cell in cells.items()}
    domain = id.partition("/")[0]
    return {"id": id, "title": title or id.partition("/")[2].capitalize(), "domain": domain, "results": results, "scores": found, "score": scores.mean(found.values()), "standing": scores.whole(cells), "standings": {name: cell.standing for name, cell in cells.items()}, "owner": {"name": "Ana Lima", "team": f"Team {domain}"}}  # fmt: skip


def assessment(*products: dict[str, Any]) -> dict[str, Any]:
    means = {name: scores.mean(one["scores"][name] for one in products) for name in CHARACTERISTICS}
    return {"apiVersion": "meshwright/v1", "kind": "Assessment", "at": AT, "static": False, "functions": FUNCTIONS, "products": list(products), "scores": means, "notes": ["An exception ended."]}  # fmt: skip


def some(count: int) -> dict[str, Any]:
    dice = random.Random(7)  # noqa: S311 - the same mesh each time
    states = ["kept"] * 16 + ["broken", "inconclusive", "excepted"]
    return assessment(
        *(
            product(
                f"domain-{number % 7}/product-{number:05}", {one["id"]: dice.choice(states) for one in FUNCTIONS}
            )
            for number in range(count)
        )
    )  # fmt: skip


FIVE = assessment(
    product("fleet/engines", {"SecureFirst": "broken", "SecureSecond": "broken"}),
    product("fleet/wings", {"TrustworthySecond": "broken"}),
    product("weather/winds"),
    product("weather/storms", {"SecureFirst": "excepted", "AddressableFirst": "inconclusive"}),
    product("weather/fog", {one["id"]: "inconclusive" for one in FUNCTIONS}),
)

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens the dashboard of an assessment; in the end nothing may have gone wrong, and nothing been loaded."""
    blocker: list[str] = []
    contexts = []

    def opened(found: dict[str, Any], at: str = "", width: int = 1280, script: bool = True, **options: Any) -> Any:  # fmt: skip
        file = tmp_path / "dashboard.html"
        file.write_text(dashboard.page(found, **options), "utf-8")
        context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=script)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: blocker.append(message.text))
        page.on("pageerror", lambda error: blocker.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith("file:") or blocker.append(asked.url))
        page.goto(f"{file.as_uri()}{at}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert blocker == []


def titles(page: Any) -> list[str]:
    return page.locator("#rows th a").all_inner_texts()


def test_the_worst_standing_is_first_and_the_number_second(show: Open) -> None:
    page = show(FIVE)
    assert titles(page) == ["Engines", "Wings", "Storms", "Fog", "Winds"]
    engines = page.locator("#rows tr").first
    assert engines.locator("td.cell a.critical").inner_text().split() == ["✕", "0", "broken,", "critical"]
    assert engines.locator("td.whole").first.inner_text() == "✕ broken, critical"
    fog = page.locator("#rows tr").nth(3)
    assert fog.locator("td.cell a.not-known").count() == 6, "never green"
    storms = page.locator("#rows tr").nth(2)
    assert storms.locator("td.whole").all_inner_texts()[0] == "? not known", "however high its score"
    assert storms.locator("td.cell a.hatched").count() == 1
    assert "1 of 2 known" in storms.locator("td.cell a.partly").inner_text()


def test_every_cell_leads_to_its_evidence_without_javascript(show: Open) -> None:
    page = show(FIVE, script=False)
    section = page.locator("[id='fleet/engines/secure']")
    assert not section.is_visible()
    page.locator("#rows tr").first.locator("a.critical").click()
    assert section.is_visible()
    assert "It is broken." in section.inner_text() and "Fix: Fix the port." in section.inner_text()
    for link in page.locator("a[href^='#']").all():
        anchor = (link.get_attribute("href") or "")[1:]
        assert page.locator(f"[id='{anchor}']").count() == 1, anchor
    assert page.locator("#filters").is_hidden() and page.locator("thead button").count() == 0, "nothing dead"


def test_a_cell_opens_its_evidence_beside_the_matrix(show: Open) -> None:
    page = show(FIVE)
    cell = page.locator("#rows tr").first.locator("a.critical")
    cell.focus()
    page.keyboard.press("Enter")
    drawer = page.locator("#drawer")
    playwright.expect(drawer).to_be_visible()
    assert "Engines" in drawer.inner_text()
    assert page.evaluate("document.activeElement.id") == "fleet/engines/secure"
    assert "Fix the port." in drawer.locator(".here").inner_text()
    page.keyboard.press("Escape")
    playwright.expect(drawer).to_be_hidden()
    page.wait_for_function("document.activeElement.className === 'critical'")  # back where it was opened
    assert "#" not in page.url
    cell.click()
    playwright.expect(drawer, "a second time, too").to_be_visible()
    page.go_back()
    playwright.expect(drawer).to_be_hidden()


def test_an_address_leads_to_one_products_evidence(show: Open) -> None:
    page = show(FIVE, at="#weather/storms/secure")
    assert "Excepted until 2026-12-01." in page.locator("#drawer .here").inner_text()
    page = show(FIVE, at="#asked/SecureFirst")
    assert page.locator("[id='asked/SecureFirst']").is_visible()
    show(FIVE, at="#%E0%A4%A")


def test_every_column_sorts_both_ways(show: Open) -> None:
    page = show(some(60))
    for number, column in enumerate(page.locator(".matrix thead th").all_inner_texts(), 1):
        head = page.locator(f".matrix thead th:nth-child({number})")
        found = {}
        for way in ("ascending", "descending"):
            while head.get_attribute("aria-sort") != way:
                head.locator("button").focus()
                page.keyboard.press("Enter")
            playwright.expect(page.locator("thead [aria-sort]")).to_have_count(1)
            cells = page.locator(f"#rows tr > :nth-child({number})").all_inner_texts()
            texts = [cell.split("\n")[0].strip() for cell in cells]
            if number > 3:  # the sign of the standing comes before the number
                texts = [re.findall(r"\d+|–", cell)[0] for cell in cells]
            known = [text for text in texts if text != "–"]
            assert texts[: len(known)] == known, f"{column}: what is unknown is last"
            words = {f"{one.sign} {one.words}": place for place, one in enumerate(STANDINGS.values())}
            keys = [int(text) if text.isdigit() else words.get(text, text.lower()) for text in known]
            assert keys == sorted(keys, reverse=way == "descending"), column
            found[way] = texts
        assert found["ascending"] != found["descending"]


def test_the_matrix_is_filtered_by_words_domain_and_state(show: Open) -> None:
    page = show(FIVE)
    page.locator("#find").fill("WIN")
    assert titles(page) == ["Wings", "Winds"]
    assert page.locator("#count").inner_text() == "2 of 5 products"
    page.locator("#domain").select_option("fleet")
    assert titles(page) == ["Wings"]
    page.locator("#find").fill("")
    page.locator("#domain").select_option("")
    page.locator("#standing").select_option(label="✕ broken, critical")
    assert titles(page) == ["Engines"]
    page.locator("#characteristic").select_option("trustworthy")
    assert titles(page) == [] and page.locator("#none").is_visible()
    page.locator("#characteristic").select_option("")
    page.locator("#standing").select_option(label="~ excepted")
    assert titles(page) == ["Storms"]
    page.locator("#standing").select_option(label="? not known")
    assert titles(page) == ["Storms", "Fog"]


def test_the_summary_names_the_worst_the_exceptions_and_what_is_unknown(show: Open) -> None:
    page = show(FIVE)
    assert page.locator("h1").inner_text() == "5 data products in 2 domains"
    assert page.locator(".standings").inner_text().split("\n") == ["✕ 1 broken, critical", "! 1 broken", "? 2 not known", "✓ 1 kept"]  # fmt: skip
    lists = page.locator(".lists").inner_text()
    for words in (
        "broken, critical Engines · Ana Lima (Team fleet)",
        "lake: It is broken. Fix: Fix the port.",
        "And 1 more there.",
        "ends in 9 days: SecureFirst",
        "13 of 60 questions",
        "An exception ended.",
    ):
        assert words in lists
    tile = page.locator(".tile").filter(has_text="secure")
    assert tile.locator(".score b").inner_text() == "75"
    assert "80% known" in tile.inner_text(), "one product of five is unknown"
    assert tile.locator("svg.line").count() == 0, "one assessment makes no trend"


def test_the_trend_is_shown_and_that_of_a_catalog_too(show: Open) -> None:
    def before(days: int, score: int, static: bool = False) -> dict[str, Any]:
        at = datetime.fromisoformat(AT) - timedelta(days=days)
        return history.entry(FIVE) | {"at": at.isoformat(), "static": static, "scores": dict.fromkeys(CHARACTERISTICS, score)}  # fmt: skip

    past = [before(40, 50), before(2, 99, static=True), before(1, 80)]
    past[-1]["products"] = {"fleet/engines": [*[100] * 6, 90]}
    for known in (past, [{"at": one["at"], "static": one["static"], "scores": one["scores"]} for one in past]):  # fmt: skip
        page = show(FIVE, history=known)
        tile = page.locator(".tile").filter(has_text="secure")
        label = tile.locator("svg.line").get_attribute("aria-label")
        assert label == "The last 3 assessments: 50, 80, 75"
        assert "▼ 5 since 21 November" in tile.inner_text() and "▲ 25 in 30 days" in tile.inner_text()
        changed = page.locator("#rows .change").all_inner_texts()
        assert changed == (["▼7"] if known is past else [])


def test_a_large_mesh_is_shown_in_parts_and_its_evidence_when_asked_for(show: Open, tmp_path: Path) -> None:
    found = some(2000)
    page = show(found)
    assert (tmp_path / "dashboard.html").stat().st_size < 3_000_000
    playwright.expect(page.locator("#rows tr")).to_have_count(100)
    page.locator("#more").click()
    playwright.expect(page.locator("#rows tr")).to_have_count(200)
    assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 101, "the reader goes on there"
    page.locator("#find").fill("product-00777")
    playwright.expect(page.locator("#rows tr")).to_have_count(1)
    one = next(one for one in found["products"] if one["id"].endswith("00777"))
    shown = page.locator("#rows td.cell b").all_inner_texts()
    assert shown == ["–" if score is None else str(score) for score in one["scores"].values()]
    page.locator("#rows td.cell a").first.click()
    playwright.expect(page.locator("#drawer .result")).to_have_count(len(FUNCTIONS))
    playwright.expect(page.locator("#drawer .here")).to_have_count(1)


def test_a_large_mesh_without_javascript_says_what_is_missing(show: Open) -> None:
    page = show(some(400), script=False)
    playwright.expect(page.locator("#rows tr")).to_have_count(dashboard.IN_FULL)
    assert "300 products with the worst standings of 400" in page.locator("noscript").inner_text()


def test_a_mesh_is_the_same_in_full_and_as_data(show: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows and evidence are made in two places: by the template and by the script."""
    found, seen = some(8), []
    found["products"][0]["results"][0]["verdicts"] *= 30
    for in_full in (8, 0):
        monkeypatch.setattr(dashboard, "IN_FULL", in_full)
        page = show(found, links=lambda id: f"https://catalog.example.org/{id}")
        rows = page.locator("#rows").evaluate("rows => rows.innerHTML.replace(/\\s+/g, '')")
        page.locator("#rows th a").first.click()
        texts = [
            " ".join(section.inner_text().split()) for section in page.locator("#drawer .result:not(.kept)").all()
        ]  # fmt: skip
        playwright.expect(
            page.locator("#drawer a[href^='https://catalog.example.org/domain-']")
        ).to_have_count(1)
        seen.append((rows, texts))
    assert seen[0] == seen[1]


@pytest.mark.parametrize(("in_full", "width"), [(300, 390), (0, 1280)])
def test_hostile_texts_do_nothing_and_break_no_page(
    show: Open, monkeypatch: pytest.MonkeyPatch, in_full: int, width: int
) -> None:
    monkeypatch.setattr(dashboard, "IN_FULL", in_full)
    states = {"SecureFirst": "broken", "AddressableFirst": "excepted", "DiscoverableFirst": "inconclusive"}
    evil = product(f"{EVIL}/{EVIL}", states, EVIL, EVIL)
    for result in evil["results"]:
        result["verdicts"][0] |= {"place": EVIL, "fix": EVIL}
    long = product(f"d/{'x' * 900}", {"SecureFirst": "broken"}, "y" * 900, "z" * 900)
    again = [product("product/1", title="javascript:alert(1)"), product("product/1"), product("__proto__/constructor")]  # fmt: skip
    found = assessment(evil, long, *again) | {"notes": [EVIL, "n" * 900]}
    page = show(found, width=width, links=lambda id: "javascript:window.hacked=1", floors={"secure": 50})
    for link in page.locator("#rows th a").all():
        link.click()
        playwright.expect(page.locator("#drawer")).to_be_visible()
        page.keyboard.press("Escape")
    assert page.evaluate("window.hacked") is None
    playwright.expect(page.locator("img, a[href^='javascript']")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("new Set([...document.querySelectorAll('[id]')].map(one => one.id)).size === document.querySelectorAll('[id]').length")  # fmt: skip


def test_the_page_does_not_scroll_sideways(show: Open) -> None:
    page = show(some(12))
    for width in (320, 390, 700, 1000, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator("#rows .cell a.critical").first.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("#drawer").evaluate("one => one.scrollWidth <= one.clientWidth")
        page.keyboard.press("Escape")


def test_a_page_that_would_be_too_large_says_so(show: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "TEXT", 200)
    page = show(FIVE, at="#weather/winds/secure")
    assert dashboard.TOO_LARGE in page.locator("#drawer").inner_text()


def test_a_floor_is_not_reached_by_what_is_unknown(show: Open) -> None:
    page = show(FIVE, floors={"trustworthy": 60, "addressable": 70})
    tiles = {
        name: page.locator(".tile").filter(has_text=name).inner_text()
        for name in ("trustworthy", "addressable")
    }
    assert "floor 60: 1 not certain to reach it" in tiles["trustworthy"], "fog"
    assert "floor 70: 2 not certain to reach it" in tiles["addressable"], "fog and storms"


def test_domains_and_owners_are_rolled_up_the_worst_first(show: Open) -> None:
    page = show(FIVE)
    rows = page.locator(".groups").first.locator("tbody tr").all_inner_texts()
    assert [" ".join(row.split()) for row in rows] == [
        "fleet ✕ broken, critical 1 broken, critical, 1 broken 88 100%",
        "weather ? not known 2 not known, 1 kept 100 63%",
    ]
    owners = page.locator(".groups").nth(1).locator("tbody th").all_inner_texts()
    assert owners == ["Ana Lima (Team fleet)", "Ana Lima (Team weather)"]


def test_a_catalogs_page_leads_back_to_it() -> None:
    assert '<a href="../">Catalog</a>' in dashboard.page(FIVE, home="../")
