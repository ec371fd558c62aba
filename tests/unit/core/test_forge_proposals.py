"""Pull requests that a token opens on GitHub and GitLab: once each, going on after a failure, and never elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from forge_server import TOKEN, ForgeServer, Hosted
from signed import People, Repository

from meshwright.core.forge import ForgeUnavailable, Proposal, Proposals, forge_repository, proposals, rest
from meshwright.core.yaml import Unreadable

PATH = "access/agreements/delays.yaml"
PROPOSAL = Proposal("access/delays-0a1b", PATH, b"id: delays\n", "Ask for delays", "Somebody asks.")
FORGES = ("github", "gitlab")
WRITES = {"github": 3, "gitlab": 2}
"""How many requests change something: branch, commit and pull request, or the first two in one."""


@pytest.fixture(scope="module")
def running() -> Iterator[ForgeServer]:
    with ForgeServer() as forge:
        yield forge


@pytest.fixture
def hosted(running: ForgeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hosted:
    monkeypatch.setattr(rest, "PATIENCE", 0.2)
    running.reset()
    running.permissions |= {"contents:write", "pull_requests:write"}
    repository = Repository(tmp_path / "product", People(tmp_path))
    repository.commit("Born", {"README.md": "x\n"})
    return running.host("example/product", repository)


def opened(hosted: Hosted, kind: str, token: str = TOKEN) -> Proposals:
    return proposals(forge_repository(hosted.url, kind), token)


@pytest.mark.parametrize("kind", FORGES)
def test_a_file_is_proposed_once(hosted: Hosted, kind: str) -> None:
    first = opened(hosted, kind).propose(PROPOSAL)
    assert (first.was_open, first.is_same, len(hosted.pulls)) == (False, True, 1)
    pull = hosted.pulls[0]
    assert (pull.branch, pull.base, pull.title, pull.body) == (
        PROPOSAL.branch, "main", PROPOSAL.title, PROPOSAL.body
    )  # fmt: skip
    assert hosted.git("diff", "--name-only", f"main...{pull.branch}") == PATH
    assert hosted.git("show", f"{pull.branch}:{PATH}") == "id: delays"
    before = len(hosted.forge.writes)
    again = opened(hosted, kind).propose(PROPOSAL)
    assert (again.url, again.was_open, again.is_same) == (first.url, True, True)
    other = Proposal(PROPOSAL.branch, PATH, b"id: other\n", "Ask", "")
    assert not opened(hosted, kind).propose(other).is_same
    assert len(hosted.forge.writes) == before, "an open pull request is left as it is"


@pytest.mark.parametrize("kind", FORGES)
@pytest.mark.parametrize("done", range(3))
def test_what_was_cut_off_goes_on(hosted: Hosted, kind: str, done: int) -> None:
    hosted.forge.writes_left = min(done, WRITES[kind] - 1)
    with pytest.raises(ForgeUnavailable):
        opened(hosted, kind).propose(PROPOSAL)
    assert not hosted.pulls
    hosted.forge.writes_left = None
    assert not opened(hosted, kind).propose(PROPOSAL).was_open
    assert [pull.branch for pull in hosted.pulls] == [PROPOSAL.branch]
    assert len(hosted.pulls[0].commits) == 1
    assert hosted.git("show", f"{PROPOSAL.branch}:{PATH}") == "id: delays"


@pytest.mark.parametrize("kind", FORGES)
def test_after_a_closed_pull_request_another_text_is_proposed(hosted: Hosted, kind: str) -> None:
    opened(hosted, kind).propose(PROPOSAL)
    hosted.pulls[0].is_closed = True
    answer = opened(hosted, kind).propose(Proposal(PROPOSAL.branch, PATH, b"id: new\n", "Ask", ""))
    assert not answer.was_open
    assert len(hosted.pulls) == 2
    assert hosted.git("show", f"{PROPOSAL.branch}:{PATH}") == "id: new"


@pytest.mark.parametrize("kind", FORGES)
@pytest.mark.parametrize("lacking", ["contents:write", "pull_requests:write"])
def test_a_token_without_a_right_is_refused_with_the_fix(hosted: Hosted, kind: str, lacking: str) -> None:
    hosted.forge.permissions -= {lacking}
    with pytest.raises(ForgeUnavailable, match="status 403") as raised:
        opened(hosted, kind).propose(PROPOSAL)
    assert "rights to write" in raised.value.fix
    assert not hosted.pulls


@pytest.mark.parametrize("kind", FORGES)
def test_an_expired_token_and_a_moved_or_archived_repository_open_nothing(hosted: Hosted, kind: str) -> None:
    with pytest.raises(ForgeUnavailable, match="status 401"):
        opened(hosted, kind, "expired").propose(PROPOSAL)
    hosted.archived = True
    with pytest.raises(Unreadable, match="is archived"):
        opened(hosted, kind).propose(PROPOSAL)
    client = opened(hosted, kind)
    hosted.archived, hosted.path = False, "other/product"
    with pytest.raises(Unreadable, match="has moved"):
        client.propose(PROPOSAL)
    assert not hosted.forge.writes
