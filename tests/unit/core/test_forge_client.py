"""The client of a forge: which repository is meant, and what becomes of answers that mean harm."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forge_server import TOKEN, ForgeServer
from signed import People, Repository

from meshwright.core.forge import Forge, ForgeRepository, ForgeUnavailable, client, forge_repository, rest
from meshwright.core.yaml import Unreadable

ADDRESSES = {
    "https://github.com/example/departures": ("github", "https://api.github.com"),
    "https://github.com/example/departures.git/": ("github", "https://api.github.com"),
    "https://acme.ghe.com/example/departures": ("", ""),
    "https://github.example.org/example/departures": ("github", "https://github.example.org/api/v3"),
    "https://gitlab.example.org/a/b/departures": ("gitlab", "https://gitlab.example.org/api/v4"),
}


@pytest.mark.parametrize("page", ADDRESSES)
def test_a_repository_is_recognised_by_its_page(page: str) -> None:
    forge, api = ADDRESSES[page]
    if not forge:
        with pytest.raises(Unreadable, match="does not say which forge"):
            forge_repository(page)
        assert forge_repository(page, "github").api == "https://api.acme.ghe.com"
        return
    repository = forge_repository(page)
    assert (repository.forge, repository.api) == (forge, api)
    assert repository.path.endswith("/departures")
    assert forge_repository(page, api="https://x.example.org/y").api == "https://x.example.org/y"


@pytest.mark.parametrize(
    "page", ["https://github.com/example", "https://github.com/a/../b", "https://github.com/a/b/c", "https://a:b@github.com/a/b", "ftp://github.com/a/b", "/srv/a"]
)  # fmt: skip
def test_what_is_no_page_of_a_repository_is_refused(page: str) -> None:
    with pytest.raises(Unreadable):
        forge_repository(page)


def test_a_token_goes_nowhere_unencrypted() -> None:
    with pytest.raises(Unreadable, match="the token is not sent there"):
        client(forge_repository("http://github.example.org/a/b"), TOKEN)


@pytest.fixture(scope="module")
def running() -> Iterator[ForgeServer]:
    with ForgeServer() as forge:
        yield forge


@pytest.fixture
def forge(running: ForgeServer, tmp_path: Path) -> ForgeServer:
    running.reset()
    repository = Repository(tmp_path / "product", People(tmp_path))
    repository.commit("Born", {"README.md": "x\n"})
    repository.branch("ask")
    repository.commit("Ask", {"a.yaml": "x\n"})
    hosted = running.host("example/product", repository)
    pull = hosted.open("bo", "ask")
    hosted.review(pull, "ada")
    hosted.merge(pull)
    return running


def opened(forge: ForgeServer) -> Forge:
    return client(forge_repository(f"{forge.url}/example/product", "github"), TOKEN)


def test_a_merge_as_the_forge_shows_it(forge: ForgeServer) -> None:
    hosted = forge.hosted["example/product"]
    reader = opened(forge)
    (merge,) = reader.merges(hosted.pulls[0].merged_as or "")
    assert (merge.number, merge.head, merge.branch, merge.commits) == (1, hosted.pulls[0].head, "main", 1)
    assert merge.author is not None
    assert merge.author.login == "bo"
    assert [review.account.login for review in merge.reviews] == ["ada"]
    assert merge.emails == {"bo@example.org"}
    assert reader.content(merge.head, "a.yaml") == b"x\n"
    assert reader.content(merge.head, "b.yaml") is None
    assert (reader.repository_id, reader.main_branch) == (hosted.id, "main")
    before = len(forge.requests)
    reader.merges(hosted.pulls[0].merged_as or "")
    assert len(forge.requests) == before  # nothing is requested twice


Answer = tuple[int, dict[str, str], bytes]
JSON = {"Content-Type": "application/json"}


def always(status: int, body: bytes, **headers: str) -> Callable[[str], Answer | None]:
    return lambda _: (
        status,
        {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}},
        body,
    )


def only(part: str, value: object) -> Callable[[str], Answer | None]:
    return lambda target: (200, JSON, json.dumps(value).encode()) if part in target else None


HOSTILE: dict[str, tuple[Callable[[str], Answer | None], str]] = {
    "expired token": (always(401, b'{"message": "Bad credentials"}'), "status 401"),
    "no rate left": (always(403, b'{"message": "API rate limit exceeded"}', X_RateLimit_Remaining="0"), "no more requests for now"),
    "moved": (always(301, b"{}", Location="https://elsewhere.example.org/"), "status 301"),
    "not JSON": (always(200, b"<html>"), "no usable `body`"),
    "deeply nested": (always(200, b"[" * 100_000), "no usable `body`"),
    "larger than any": (always(200, b" " * 9_000_000), "larger than"),
    "an object for a list": (only("/commits/", {"number": 1}), "no usable `pulls`"),
    "a text for a number": (only("/commits/", [{"number": "1", "base": {"repo": {"id": 1000}}, "merged_at": "x"}]), "no usable `number`"),
    "a flag for a number": (only("/commits/", [{"number": True, "base": {"repo": {"id": 1000}}, "merged_at": "x"}]), "no usable `number`"),
    "pages without end": (only("/commits/", [{"number": 1, "base": {"repo": None}}] * 100), "more than 3000 entries"),
    "a time without a zone": (only("/reviews", [{"id": 1, "state": "APPROVED", "submitted_at": "2026-01-01T00:00:00"}]), "no usable `submitted_at`"),
    "another pull request": (lambda target: (200, JSON, b'{"number": 2}') if target.endswith("/pulls/1") else None, "no usable `number`"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers_of_a_forge_count_for_nothing(forge: ForgeServer, name: str) -> None:
    commit = forge.hosted["example/product"].pulls[0].merged_as or ""
    forge.hostile, says = HOSTILE[name]
    begun = time.monotonic()
    with pytest.raises(ForgeUnavailable, match=says) as raised:
        opened(forge).merges(commit)
    assert TOKEN not in str(raised.value) + raised.value.fix
    assert raised.value.fix
    assert time.monotonic() - begun < 10


def test_pull_requests_of_another_repository_count_for_nothing(forge: ForgeServer) -> None:
    hosted = forge.hosted["example/product"]
    others = [{"number": 1, "base": {"repo": {"id": hosted.id + 1}}, "merged_at": "2026-01-01T00:00:00Z"}]
    forge.hostile = only("/commits/", others)
    assert opened(forge).merges(hosted.pulls[0].merged_as or "") == []


def test_a_forge_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "PATIENCE", 0.1)
    nowhere = ForgeRepository("github", "http://127.0.0.1:9/a/b", "a/b", "http://127.0.0.1:9/api/v3")
    with pytest.raises(ForgeUnavailable):
        _ = client(nowhere, TOKEN).repository_id


OF_GITLAB: dict[str, tuple[str, object, str]] = {
    "approvals in no list": ("/approvals", {"approved_by": {"user": 1}}, "no usable `approved_by`"),
    "a bot that is no flag": ("/users/", {"id": 100, "bot": "false"}, "no usable `bot`"),
    "another user": ("/users/", {"id": 1, "bot": False}, "no usable `id`"),
    "a version without a time": ("/versions", [{"head_commit_sha": "0" * 40}], "no usable `created_at`"),
}


def test_a_merge_as_gitlab_shows_it(forge: ForgeServer) -> None:
    hosted = forge.hosted["example/product"]
    reader = client(forge_repository(f"{forge.url}/example/product", "gitlab"), TOKEN)
    (merge,) = reader.merges(hosted.pulls[0].merged_as or "")
    assert (merge.number, merge.head, merge.branch, merge.commits) == (1, hosted.pulls[0].head, "main", 1)
    assert merge.author is not None
    assert merge.author.login == "bo"
    assert [(review.account.login, review.commit) for review in merge.reviews] == [("ada", merge.head)]
    assert merge.emails == {"bo@example.org"}
    assert reader.content(merge.head, "a.yaml") == b"x\n"
    assert reader.content(merge.head, "b.yaml") is None


@pytest.mark.parametrize("name", OF_GITLAB)
def test_hostile_answers_of_gitlab_count_for_nothing(forge: ForgeServer, name: str) -> None:
    part, value, says = OF_GITLAB[name]
    forge.hostile = only(part, value)
    reader = client(forge_repository(f"{forge.url}/example/product", "gitlab"), TOKEN)
    with pytest.raises(ForgeUnavailable, match=says):
        reader.merges(forge.hosted["example/product"].pulls[0].merged_as or "")


def test_a_repository_that_got_another_name_is_found_by_the_forge_itself(forge: ForgeServer) -> None:
    new = f"{forge.url}/api/v3/repos/example/product"
    forge.hostile = lambda target: (
        (301, {**JSON, "Location": new}, b"{}") if target.endswith("/former") else None
    )
    reader = client(forge_repository(f"{forge.url}/example/former", "github"), TOKEN)
    assert reader.repository_id == forge.hosted["example/product"].id
    forge.hostile = lambda target: (301, {**JSON, "Location": new}, b"{}")
    with pytest.raises(ForgeUnavailable, match="status 301"):
        _ = client(forge_repository(f"{forge.url}/example/circle", "github"), TOKEN).repository_id
