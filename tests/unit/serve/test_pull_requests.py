"""Pull requests that the catalog opens for people who have signed in, on a forge that keeps what it is sent."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest
from asked_products import DEPARTURES, asking_catalog, product_on, record_at, sign_in
from catalog_server import Catalog
from click.testing import CliRunner
from forge_server import TOKEN, ForgeServer, Hosted
from reviewed import approvers

from meshwright.cli import main
from meshwright.core.yaml import Unreadable
from meshwright.product.record import Record
from meshwright.serve import RequestProblem
from meshwright.serve.pull_requests import PER_PERSON, access_request, pull_requests_in

UNTIL = f"{datetime.now(UTC) + timedelta(days=60):%Y-%m-%d}"
LATER = f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}"
PEOPLE = ("cy", "di", "ed")
"""So that nobody sends more in an hour than one person may."""
Hostile = tuple[int, dict[str, str], bytes] | None
PAGE = f"/products/{DEPARTURES}"
FORM = {
    "name": "planning",
    "role": "reader",
    "principals": "group:planners\r\ngroup:analysts",
    "description": 'Plan "turnarounds"\r\nstatus: approved',
    "until": UNTIL,
    "team": "planning: [team]",
    "port": "lake",
    "requester": "ada@example.org",
}
"""The requester is what a form claims: it never counts."""


@pytest.fixture(scope="module")
def running() -> Iterator[ForgeServer]:
    with ForgeServer() as forge:
        yield forge


@pytest.fixture(scope="module", params=["github", "gitlab"])
def served(
    request: pytest.FixtureRequest, running: ForgeServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Catalog, str]]:
    kind = request.param
    options = ("--pull-requests", f"{running.url}/{kind}-example", "--pull-requests-forge", kind)
    with asking_catalog(tmp_path_factory.mktemp(kind), *options) as server:
        yield server, kind


@pytest.fixture
def hosted(served: tuple[Catalog, str], running: ForgeServer, tmp_path: Path) -> Hosted:
    running.reset()
    hosted = product_on(running, tmp_path, served[1])
    assert served[0].put(record_at(hosted.url)).status in (200, 201)
    return hosted


@pytest.fixture
def browser(served: tuple[Catalog, str], hosted: Hosted) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served[0].url, headers={"Accept": "text/html"}, timeout=60) as client:
        yield client


def proof_on(page: httpx.Response) -> str:
    return found[1] if (found := re.search(r'name="proof" value="([0-9a-f]{64})"', page.text)) else ""


def asks(browser: httpx.Client, sub: str = "bo", **more: str) -> httpx.Response:
    """Sign in, open the page and send its form."""
    sign_in(browser, sub)
    page = browser.get(PAGE)
    return browser.post(f"{PAGE}/request", data=FORM | {"proof": proof_on(page)} | more)


def written_by_command(hosted: Hosted, folder: Path, command: str) -> str:
    """What the command of a page writes in a clone."""
    hosted.git("clone", "--quiet", str(hosted.repository.root), str(folder))
    before = set((folder / "access").rglob("*.yaml"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = CliRunner().invoke(main, shlex.split(command)[1:])
    assert done.exit_code == 0, done.output
    (new,) = set((folder / "access").rglob("*.yaml")) - before
    return new.read_text()


@pytest.mark.main
def test_a_request_becomes_a_pull_request(
    browser: httpx.Client, hosted: Hosted, served: tuple[Catalog, str], tmp_path: Path
) -> None:
    answer = asks(browser)
    assert answer.status_code == 200, answer.text
    (pull,) = hosted.pulls
    path = "access/agreements/planning.yaml"
    assert f"/{pull.number}" in answer.text and "Your pull request is open" in answer.text
    assert answer.headers["cache-control"].startswith("private, no-store")
    assert hosted.git("diff", "--name-only", f"main...{pull.branch}") == path
    command = "meshwright access request planning --role reader --principal group:planners --principal group:analysts "
    command += f"--for 'Plan \"turnarounds\"\nstatus: approved' --until {UNTIL} --team 'planning: [team]' --requester bo@example.org --output lake"
    written = written_by_command(hosted, tmp_path / "clone", command)
    assert hosted.git("show", f"{pull.branch}:{path}") + "\n" == written
    assert 'requester\n    value: "bo@example.org"' in written
    assert "ada@" not in written + pull.body and "`bo@example.org`" in pull.body
    log = served[0].log
    assert f"for bo@example.org: {path}" in log
    assert TOKEN not in log + answer.text
    before = len(hosted.forge.writes)
    assert "is open already" in asks(browser).text
    other = asks(browser, description="Something else, in another sentence")
    assert "another text" in other.text
    assert (len(hosted.pulls), len(hosted.forge.writes)) == (1, before)
    assert asks(browser, "cy").status_code == 200
    assert len(hosted.pulls) == 2, "nobody takes a name away from somebody else"


def test_a_renewal_is_what_the_command_writes(browser: httpx.Client, hosted: Hosted, tmp_path: Path) -> None:
    asks(browser, principals="id:dan@example.org")
    hosted.merge(hosted.pulls[0])
    answer = asks(browser, name="else", renews="planning", until=LATER, role="service", principals="id:eve")
    assert answer.status_code == 200, answer.text
    pull = hosted.pulls[1]
    command = f"meshwright access renew planning --until {LATER} --requester bo@example.org"
    written = written_by_command(hosted, tmp_path / "clone", command)
    assert hosted.git("show", f"{pull.branch}:access/agreements/planning-2.yaml") + "\n" == written
    assert '"id:dan@example.org"' in written and "eve" not in written


REFUSED = {
    "a path": ({"name": "../../.github/workflows/x"}, "small letters"),
    "a path to renew": ({"renews": "../approvers"}, "small letters"),
    "no such agreement": ({"renews": "nothing"}, "has no access/agreements/nothing.yaml"),
    "too long a name": ({"name": "a" * 64}, "small letters"),
    "no name": ({"name": ""}, "no name"),
    "a name that is taken": ({"name": "taken"}, "already exists"),
    "no day": ({"until": "tomorrow"}, "no day"),
    "a day in the past": ({"until": "2020-01-01"}, ""),
    "longer than the role allows": ({"role": "service", "principals": "id:planner"}, "its role allows 30"),
    "an unknown role": ({"role": "admin"}, "admin"),
    "no readers": ({"principals": ""}, ""),
    "a reader of no kind": ({"principals": "everybody"}, ""),
    "no team": ({"team": ""}, ""),
    "an unknown port": ({"port": "other"}, "other"),
    "too much": ({"principals": "\n".join(f"id:reader-{number}" for number in range(9_000))}, "too long"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_approval_would_help_opens_nothing(running: ForgeServer, tmp_path: Path, case: str) -> None:
    running.reset()
    hosted = product_on(running, tmp_path)
    hosted.repository.commit("Taken", {"access/agreements/taken.yaml": "id: taken\n"})
    record = Record(record_at(hosted.url))
    allowed = pull_requests_in([f"{running.url}/github-example"], "github", TOKEN)
    repository = allowed.repository(record)
    assert repository is not None
    change, says = REFUSED[case]
    with pytest.raises(Unreadable, match=says):
        allowed.open(repository, record, access_request(FORM | change, "bo@example.org"))
    assert not running.writes


@pytest.mark.parametrize(("catalog", "opens"), [("", False), ("catalog[bot]", True)])
def test_where_approvers_review_they_have_to_name_the_catalog(
    running: ForgeServer, tmp_path: Path, catalog: str, opens: bool
) -> None:
    running.reset()
    hosted = product_on(running, tmp_path)
    text = approvers(hosted.url, "ada", "dan")
    text = text.replace("forge: ", f'catalog: "{catalog}", forge: ') if catalog else text
    hosted.repository.commit("Name approvers", {"access/approvers.yaml": text})
    record = Record(record_at(hosted.url))
    allowed = pull_requests_in([f"{running.url}/github-example"], "github", TOKEN)
    repository = allowed.repository(record)
    assert repository is not None
    if opens:
        allowed.open(repository, record, access_request(FORM, "bo@example.org"))
    else:
        with pytest.raises(Unreadable, match="does not name the catalog's account"):
            allowed.open(repository, record, access_request(FORM, "bo@example.org"))
    assert len(hosted.pulls) == opens


def test_a_refused_request_shows_why_and_the_command(browser: httpx.Client, hosted: Hosted) -> None:
    answer = asks(browser, role="admin")
    assert answer.status_code == 400
    assert "meshwright access request planning --role admin" in answer.text
    assert not hosted.forge.writes


def test_a_form_of_nobody_or_of_another_session_opens_nothing(browser: httpx.Client, hosted: Hosted) -> None:
    page = browser.get(PAGE)
    assert "Sign in</a>, and the catalog can open" in page.text and not proof_on(page)
    assert browser.post(f"{PAGE}/request", data=FORM).status_code == 403
    sign_in(browser, "cy")
    proof = proof_on(browser.get(PAGE))
    for wrong in ("", "0" * 64, "é"):
        assert browser.post(f"{PAGE}/request", data=FORM | {"proof": wrong}).status_code == 403
    with httpx.Client(base_url=browser.base_url, headers={"Accept": "text/html"}) as other:
        assert other.post(f"{PAGE}/request", data=FORM | {"proof": proof}).status_code == 403
        sign_in(other, "bo")
        assert other.post(f"{PAGE}/request", data=FORM | {"proof": proof}).status_code == 403
    assert browser.post(f"{PAGE}/request", data={"a": "x" * 30_000}).status_code == 413
    assert not hosted.forge.writes


def test_an_id_that_looks_like_an_address_is_nobodys_address(browser: httpx.Client, hosted: Hosted) -> None:
    sign_in(browser, "ada@example.org")
    page = browser.get(PAGE)
    assert "verified no e-mail address" in page.text
    assert not proof_on(page)
    answer = browser.post(f"{PAGE}/request", data=FORM | {"proof": proof_on(browser.get("/account"))})
    assert answer.status_code == 400 and "verified no e-mail address" in answer.text
    assert not hosted.forge.writes


def answering(status: int, body: bytes, **headers: str) -> Callable[[str], Hostile]:
    return lambda _: (status, {"Content-Type": "application/json", **headers}, body)


AWAY: dict[str, tuple[Callable[[str], Hostile], str, int]] = {
    "an expired token": (answering(401, b'{"message": "Bad credentials"}'), "its token has expired", 503),
    "no rate left": (answering(403, b'{"message": "API rate limit exceeded"}'), "no more requests", 503),
    "a missing right": (answering(403, b'{"message": "Resource not accessible"}'), "lacks a right", 503),
    "no such repository": (answering(404, b'{"message": "Not Found"}'), "lacks a right", 503),
    "another form": (answering(200, b"<html>"), "does not answer as it should", 503),
    "an archived repository": (lambda _: None, "is archived", 400),
}


@pytest.mark.parametrize("case", AWAY)
def test_a_forge_that_refuses_leaves_the_command(browser: httpx.Client, hosted: Hosted, case: str) -> None:
    hosted.forge.hostile, says, status = AWAY[case]
    hosted.archived = case == "an archived repository"
    answer = asks(browser, PEOPLE[len(case) % len(PEOPLE)])
    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert "MESHWRIGHT" not in answer.text and TOKEN not in answer.text
    command = unescape(answer.text.split('writes the same file">')[1].split("</pre>")[0])
    assert shlex.split(command)[3:6] == ["planning", "--role", "reader"]
    assert not hosted.pulls


def test_a_request_that_was_cut_off_is_sent_again(browser: httpx.Client, hosted: Hosted) -> None:
    hosted.forge.permissions -= {"pull_requests:write"}
    assert asks(browser, "di").status_code == 503
    assert hosted.forge.writes and not hosted.pulls
    hosted.forge.permissions |= {"pull_requests:write"}
    assert asks(browser, "di").status_code == 200
    assert len(hosted.pulls) == 1


def test_another_product_in_the_repository_opens_nothing(browser: httpx.Client, hosted: Hosted) -> None:
    spec = (
        (hosted.repository.root / "data-product.yaml").read_text().replace("name: departures", "name: other")
    )
    hosted.repository.commit("Another product", {"data-product.yaml": spec})
    answer = asks(browser, "cy")
    assert answer.status_code == 400 and "another product" in answer.text
    assert not hosted.forge.writes


ALLOWED = {
    "https://github.example.org/Example/departures.git": "example/departures",
    "git@github.example.org:example/departures.git": "example/departures",
    "ssh://git@github.example.org:2222/example/departures": "example/departures",
}
FOREIGN = [
    "https://github.example.org/example-other/departures",
    "https://github.example.org/example/../evil/departures",
    "https://github.example.org/example/%2e%2e/departures",
    "https://github.example.org/example",
    "https://github.example.org:444/example/departures",
    "http://github.example.org@evil.example.org/example/departures",
    "https://evil.example.org/example/departures",
    "https://github.example.org.evil.example.org/example/departures",
    "https://github.example.org\\@evil.example.org/example/departures",
    "https://gitħub.example.org/example/departures",
    "file:///example/departures",
    "/example/departures",
    "",
]


@pytest.mark.parametrize("url", [*ALLOWED, *FOREIGN])
def test_the_token_goes_to_the_operators_forge_and_owner_only(url: str) -> None:
    allowed = pull_requests_in(["https://github.example.org/example"], "", TOKEN)
    repository = allowed.repository(Record(record_at(url)))
    if url in FOREIGN:
        assert repository is None
        return
    assert repository is not None
    assert repository.api == "https://github.example.org/api/v3"
    assert repository.path.lower() == ALLOWED[url]
    assert TOKEN not in repr(allowed)


def test_a_hostile_record_gets_no_token(
    served: tuple[Catalog, str], browser: httpx.Client, hosted: Hosted
) -> None:
    with ForgeServer() as other:
        urls = [f"{other.url}/{served[1]}-example/departures", f"{hosted.forge.url}/evil/departures"]
        for url in urls:
            assert served[0].put(record_at(url)).status in (200, 201, 409), url
            sign_in(browser, "cy")
            page = browser.get(PAGE)
            assert not proof_on(page)
        assert not other.requests
    assert not hosted.forge.writes


@pytest.mark.parametrize(
    "places", [["https://github.com"], ["https://github.com/a/../b"], ["https://github.com/a", "https://gitlab.com/b"], ["https://git.example.org/a"]]
)  # fmt: skip
def test_an_address_that_allows_too_much_is_refused(places: list[str]) -> None:
    with pytest.raises(Unreadable):
        pull_requests_in(places, "", TOKEN)


def test_nobody_sends_more_than_a_few_requests_an_hour() -> None:
    allowed = pull_requests_in(["https://github.com/example"], "", TOKEN)
    for number in range(PER_PERSON):
        with allowed._counted("bo@example.org", str(number)):
            pass
    with pytest.raises(RequestProblem, match="Too many"), allowed._counted("bo@example.org", "x"):
        pass
    with (
        allowed._counted("cy@example.org", "x"),
        pytest.raises(RequestProblem, match="right now"),
        allowed._counted("cy@example.org", "x"),
    ):
        pass
    with (
        allowed._counted("di@example.org", "x"),
        allowed._counted("ed@example.org", "y"),
        pytest.raises(RequestProblem, match="right now"),
        allowed._counted("di@example.org", "z"),
    ):
        pass


def test_without_a_login_there_are_no_pull_requests(tmp_path: Path) -> None:
    options = ["catalog", "serve", "--pull-requests", "https://github.com/example"]
    environment = {
        "MESHWRIGHT_CATALOG_FORGE_TOKEN": TOKEN,
        "MESHWRIGHT_CATALOG_DATABASE": str(tmp_path / "x.db"),
    }
    done = CliRunner(env=environment).invoke(main, options)
    assert done.exit_code == 2 and "needs --login" in done.output
