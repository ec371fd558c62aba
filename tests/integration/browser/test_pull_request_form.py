"""The form that has the catalog open a pull request, in a browser: signed in, on a desktop and on a phone in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asked_products import DEPARTURES, asking_catalog, product_on, record_at
from catalog_server import Catalog
from forge_server import ForgeServer, Hosted
from playwright.sync_api import Page, sync_playwright

pytestmark = pytest.mark.beyond
CHROMIUM = "/usr/bin/chromium"
VIEWS = {"desktop": (1280, "light"), "phone": (390, "dark")}


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Catalog, Hosted]]:
    folder: Path = tmp_path_factory.mktemp("asking")
    with ForgeServer() as forge:
        hosted = product_on(forge, folder)
        options = ("--pull-requests", f"{forge.url}/github-example", "--pull-requests-forge", "github")
        with asking_catalog(folder / "catalog", *options) as server:
            assert server.put(record_at(hosted.url)).status == 201
            yield server, hosted


def fill(page: Page, name: str) -> None:
    page.fill("#request-description", "Plan turnarounds with last month's delays")
    page.fill("#request-principals", "group:planners")
    page.fill("#request-team", "planning")
    page.fill("#request-until", f"{datetime.now(UTC) + timedelta(days=60):%Y-%m-%d}")
    page.fill("#request-name", name)
    page.click("text=Write the request")


@pytest.mark.parametrize("view", VIEWS)
def test_a_person_signs_in_and_opens_a_pull_request(asking: tuple[Catalog, Hosted], view: str) -> None:
    server, hosted = asking
    width, scheme = VIEWS[view]
    before = len(hosted.pulls)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{server.url}/products/{DEPARTURES}")
        page.fill("#request-requester", "ada@example.org")
        fill(page, f"plan-{view}")
        assert page.locator("#request-send").count() == 0
        page.click("#request-result >> text=Sign in")
        page.fill("input[name=sub]", "bo")
        page.locator("button").first.click()
        page.wait_for_url(f"{server.url}/products/{DEPARTURES}")
        assert page.input_value("#request-requester") == "bo@example.org"
        fill(page, f"plan-{view}")
        page.click("#request-send")
        page.wait_for_url(f"{server.url}/products/{DEPARTURES}/request")
        assert page.inner_text("h1") == "Your pull request is open"
        assert page.get_attribute("main a.strong", "href") == f"{hosted.url}/pull/{before + 1}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not problems
        browser.close()
    assert (
        hosted.git("show", f"{hosted.pulls[before].branch}:access/agreements/plan-{view}.yaml").count(
            "bo@example.org"
        )
        == 1
    )
