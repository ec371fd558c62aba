"""The form that asks for access, as a consumer uses it: on a phone, by keyboard, in the dark, and as a file without a server."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from catalog_server import Catalog, catalog
from playwright.sync_api import Browser, Page, sync_playwright
from records import value
from request_texts import HOSTILE

from meshwright.access.request import request
from meshwright.access.request_text import next_name
from meshwright.core.yaml import parse
from meshwright.product import schema
from meshwright.product.validate import misshapen

pytestmark = pytest.mark.beyond
CHROMIUM = Path("/usr/bin/chromium")
TODAY = datetime.now(UTC)
UNTIL = TODAY + timedelta(days=90)
DEPARTURES = "airport-operations/departures"
GITHUB = "https://github.example.org/airport/departures.git"
POLICY = {
    "apiVersion": "meshwright/v1",
    "kind": "AccessPolicy",
    "roles": {
        "reader": {"kind": "human", "clearance": ["public"], "above": "mask", "description": "People."},
        "service": {
            "kind": "machine",
            "clearance": ["public", "internal"],
            "above": "deny",
            "maxDays": 30,
            "purposes": ["planning", "delay-analysis"],
        },
    },
    "masks": {"internal": {"string": "redacted"}},
}


def moment(days: float) -> str:
    return f"{TODAY + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


def reader(agreement: str, days: float, *principals: str, role: str = "reader") -> dict[str, Any]:
    return {"agreement": agreement, "role": role, "principals": list(principals), "until": moment(days), "team": "operations"}  # fmt: skip


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with catalog(tmp_path_factory.mktemp("asking")) as server:
        own = {"policy": POLICY, "source__repository": GITHUB}
        agreements = [
            reader("delays", 60, "group:analysts", "id:bo@example.org"),
            reader("delays-2", 5, "group:analysts"),
            reader("robots", -5, "id:planner", role="service"),
        ]
        asked = [reader("plans", 30, "group:planners", "id:")]
        for record in (
            value(DEPARTURES, readers=agreements, requests=asked, **own),
            value("lab/tests", policy=POLICY, source__repository="git@gitlab.example.org:lab/tests.git"),
            value("hidden/host", policy=POLICY, source__repository="https://git.example.org/h/h.git"),
            value(
                "named/host",
                policy=POLICY,
                source={
                    "repository": "https://git.example.org/n/n.git",
                    "branch": "trunk/1",
                    "forge": "gitlab",
                },
            ),
        ):
            assert (answer := server.put(record)).status == 201, answer.text
        yield server


@pytest.fixture
def page(mesh: Catalog, browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.complaints = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" and "404" not in message.text else None)  # type: ignore[attr-defined] # fmt: skip
    page.goto(f"{mesh.url}/products/{DEPARTURES}")
    yield page
    assert page.complaints == []  # type: ignore[attr-defined]
    context.close()


def fill(page: Page, **changed: str) -> None:
    """Fills in the form as a person does, and has the request written."""
    fields = {
        "description": "Why flights are late",
        "principals": "group:analysts",
        "team": "punctuality",
        "requester": "bo@example.org",
        "until": f"{UNTIL:%Y-%m-%d}",
        "name": "planning",
    } | changed
    for name, text in fields.items():
        page.fill(f"#request-{name}", text)
    page.click("text=Write the request")


@pytest.fixture(scope="module")
def repository(make: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import yaml

    root = Path(shutil.copytree(make("departures"), tmp_path_factory.mktemp("asked") / "departures"))
    (root / "access/policy.yaml").write_text(yaml.safe_dump(POLICY))
    return root


def by_command(root: Path, **changed: Any) -> str:
    """What `meshwright access request` writes."""
    options: dict[str, Any] = {
        "agreement": "planning", "role": "reader", "principals": ("group:analysts",), "purpose": "Why flights are late",
        "code": None, "until": UNTIL.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None), "start": None,
        "team": "punctuality", "requester": "bo@example.org", "port": None, "directory": None,
    } | changed  # fmt: skip
    file = root / f"access/agreements/{options['agreement']}.yaml"
    file.unlink(missing_ok=True)
    request(root, **options)
    return file.read_bytes().decode()


@pytest.mark.main
def test_the_form_writes_what_the_command_writes(page: Page, repository: Path) -> None:
    fill(page)
    text = page.input_value("#request-text")
    team = "teamId: "
    provider = text.split(team)[1].split("\n")[0]
    expected = by_command(repository)
    assert text == expected.replace(expected.split(team)[1].split("\n")[0], provider)
    address = urlsplit(page.get_attribute("#request-link", "href") or "")
    assert (address.scheme, address.netloc, address.path) == ("https", "github.example.org", "/airport/departures/new/main")  # fmt: skip
    parameters = parse_qs(address.query)
    assert parameters == {"filename": ["access/agreements/planning.yaml"], "value": [text]}
    assert "Open it as a new file on GitHub" in page.inner_text("#request-result")
    assert not page.is_visible("#request-paste")


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\0" not in text])
def test_hostile_text_is_written_as_the_command_writes_it(page: Page, repository: Path, text: str) -> None:
    whole = f"{text} and ten more letters"
    fill(page, description=whole, team=f"a {text}")
    purpose, team = page.input_value("#request-description"), page.input_value("#request-team")
    written = page.input_value("#request-text")
    principals = page.evaluate("agreementFields().principals")
    expected = by_command(repository, purpose=purpose, team=team, principals=tuple(principals))
    assert written.split("\n")[5:7] == expected.split("\n")[5:7]
    assert written.split("\n")[10:] == expected.split("\n")[10:]
    document = parse("planning.yaml", written)
    assert (document.get("description.purpose"), document.get("consumer.teamId")) == (purpose, team)
    assert not list(misshapen(document, schema.access_agreement))
    command = page.inner_text("#request-command").replace("meshwright access", 'printf "%s\\0"')
    words = subprocess.run(["sh", "-c", command], capture_output=True, check=True).stdout.decode().split("\0")
    assert words[words.index("--for") + 1] == purpose and words[words.index("--team") + 1] == team


def test_every_text_is_quoted_alike(page: Page) -> None:
    from meshwright.product.agreement_text import agreement_text

    signs = [chr(code) for code in (*range(0x3100), *range(0xD7F0, 0xD800), *range(0xE000, 0x10100), 0x1F680, 0x10FFFF)]  # fmt: skip
    fields = {"id": "x", "description": "".join(signs), "principals": ["a", "b"], "requester": "c"}
    assert page.evaluate("fields => agreementText(fields)", fields) == agreement_text(fields)


def test_a_role_shows_what_it_sees(page: Page) -> None:
    page.click("summary:has-text('column by column')")
    rows = dict(page.eval_on_selector_all("#request-columns tr", "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"))  # fmt: skip
    assert rows["carrier"] in ("as it is", "mask: redacted") and set(rows.values()) <= {
        "as it is",
        "mask: redacted",
        "mask: empty",
        "nothing",
    }
    assert "reader sees " in page.inner_text("#request-sees")
    page.select_option("#request-role", "service")
    assert "masks of 0" in page.inner_text("#request-sees")
    assert page.locator("#request-purpose option").all_inner_texts() == ["planning", "delay-analysis"]
    assert page.get_attribute("#request-until", "max") == f"{TODAY + timedelta(days=30):%Y-%m-%d}"
    fill(page)
    assert not page.is_visible("#request-result"), "90 days are more than this role allows"
    fill(page, until=f"{TODAY + timedelta(days=20):%Y-%m-%d}")
    assert '- property: purpose\n    value: "planning"' in page.input_value("#request-text")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("name", "Planning"),
        ("name", "a--b"),
        ("description", "short"),
        ("principals", "analysts"),
        ("principals", "group:"),
        ("requester", "bo"),
        ("until", "2020-01-01"),
        ("team", ""),
    ],
)
def test_what_the_command_would_refuse_the_form_refuses(page: Page, name: str, text: str) -> None:
    fill(page, **{name: text})
    assert not page.is_visible("#request-result")
    assert page.evaluate("document.activeElement.name") == name, "the field that is wrong has the focus"


def test_a_renewal_is_filled_in_and_names_nobody(page: Page) -> None:
    page.select_option("#request-renews", "delays")
    assert page.input_value("#request-name") == next_name("delays", {"delays-2"}) == "delays-3"
    assert page.input_value("#request-principals") == "group:analysts"
    assert page.is_visible("#request-people")
    assert "bo@example.org" not in page.content()
    page.fill("#request-requester", "cy@example.org")
    page.fill("#request-description", "Why flights are late")
    page.fill("#request-until", f"{UNTIL:%Y-%m-%d}")
    page.click("text=Write the request")
    assert '- property: renews\n    value: "delays"' in page.input_value("#request-text")
    assert page.inner_text("#request-command") == (
        f"meshwright access renew delays --until {UNTIL:%Y-%m-%d} --requester cy@example.org"
    )


def test_the_page_shows_how_far_each_agreement_is(page: Page) -> None:
    rows = page.eval_on_selector_all("#access ~ table tbody tr", "rows => rows.map(row => row.innerText.replace(/\\s+/g, ' '))")  # fmt: skip
    states = {row.split(" ")[0]: row for row in rows}
    assert states["plans"].endswith("requested") and "planners, 1 person" in states["plans"]
    assert states["delays-2"].endswith("ending soon") and states["delays"].endswith("in force")
    assert states["robots"].endswith("ended")


def test_a_file_that_is_too_long_for_an_address_is_pasted(page: Page) -> None:
    fill(page, description="ü" * 1_900)
    link = page.get_attribute("#request-link", "href") or ""
    assert link.endswith("?filename=access%2Fagreements%2Fplanning.yaml") and page.is_visible(
        "#request-paste"
    )


@pytest.mark.parametrize(
    ("product", "link"),
    [
        ("lab/tests", "https://gitlab.example.org/lab/tests/-/new/main?file_name="),
        ("named/host", "https://git.example.org/n/n/-/new/trunk/1?file_name="),
        ("hidden/host", ""),
    ],
)
def test_other_forges_get_the_name_and_the_text_is_copied(
    mesh: Catalog, browser: Browser, product: str, link: str
) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{mesh.url}/products/{product}")
    fill(page)
    assert page.is_visible("#request-link") == bool(link) == page.is_visible("#request-paste")
    if link:
        assert (page.get_attribute("#request-link", "href") or "").startswith(link)
    page.click("#request-copy")
    page.wait_for_function("document.getElementById('request-copied').textContent")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.input_value("#request-text")
    context.close()


def test_by_keyboard_alone_and_on_a_phone_in_the_dark(mesh: Catalog, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{mesh.url}/products/{DEPARTURES}#ask")
    page.focus("#request-description")
    for text in ("Why flights are late", "group:analysts", "punctuality", "bo@example.org"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.fill("#request-until", f"{UNTIL:%Y-%m-%d}")
    page.focus("#request-name")
    page.keyboard.type("planning")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "request-done"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "request-link"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    labels = "[...document.querySelectorAll('#request input, #request select, #request textarea')].filter(one => !one.labels.length).length"  # fmt: skip
    assert page.evaluate(labels) == 0
    context.close()


def test_the_static_site_has_the_form_too(mesh: Catalog, browser: Browser, tmp_path: Path) -> None:
    site = tmp_path / "site"
    mesh.run("site", str(site))
    file = site / f"products/{DEPARTURES}/index.html"
    page = browser.new_page()
    page.goto(file.as_uri())
    fill(page)
    assert "value=" in (page.get_attribute("#request-link", "href") or "")
    assert "bo@example.org" not in file.read_text("utf-8")
    page.close()


def test_without_scripts_there_is_the_command(mesh: Catalog, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{mesh.url}/products/{DEPARTURES}")
    assert not page.is_visible("#request") and "meshwright access request" in page.inner_text("main")
    context.close()
