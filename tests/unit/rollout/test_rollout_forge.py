"""Pull requests: through the forges' own programs where they are, and never twice."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from mesh import NEW, Mesh, write

from meshwright.core import forge
from meshwright.core.forge import pull_requests
from meshwright.core.git import is_path, parts, without_credentials

BRANCH = f"meshwright/{NEW}"

# A stand-in that keeps what it is told in a file and answers as the real ones do. The flags are those that
# `gh` 2.23 and `glab` 1.50 document.
PROGRAM = """\
#!/bin/sh
printf '%s\\n' "$*" >> {log}
case "$1 $2" in
  "pr list"|"mr list") cat {state} ;;
  "pr create"|"mr create") {create} ;;
esac
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a forge's program on PATH; returns its log and its state."""
    folder, log, state = tmp_path / "bin", tmp_path / "log", tmp_path / "state"
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    write(state, "[]")
    write(log, "")

    def install(name: str, create: str) -> tuple[Path, Path]:
        write(folder / name, PROGRAM.format(log=log, state=state, create=create))
        (folder / name).chmod(0o755)
        return log, state

    return install


def ask(url: str, kind: str | None, base: str | None = "main") -> tuple[str, str]:
    return forge.open_pull_request(url, kind, BRANCH, base, "Title", "Body; $(touch x)")


def test_a_pull_request_is_opened_once(program) -> None:
    address = "https://github.com/a/b/pull/7"
    log, state = program("gh", f"echo; echo {address}")
    assert ask("https://github.com/a/b.git", "github") == (address, "")
    created = log.read_text().splitlines()[-1]
    assert (
        created
        == f"pr create --repo github.com/a/b --head {BRANCH} --base main --title Title --body Body; $(touch x)"
    )
    state.write_text(json.dumps([{"url": address, "state": "OPEN"}]))
    log.write_text("")
    assert ask("git@github.com:a/b", "github") == (address, "")
    assert "create" not in log.read_text()


def test_a_pull_request_that_was_closed_is_not_opened_again(program) -> None:
    log, state = program("gh", "exit 1")
    state.write_text(json.dumps([{"url": "https://github.com/a/b/pull/7", "state": "CLOSED"}]))
    address, note = ask("https://github.com/a/b", "github")
    assert address == "https://github.com/a/b/pull/7"
    assert "closed" in note
    assert "create" not in log.read_text()


def test_a_merge_request_is_opened_once(program) -> None:
    address = "https://gitlab.com/g/s/b/-/merge_requests/3"
    log, state = program("glab", f"echo '!3 Title'; echo ' {address}'")
    assert ask("https://gitlab.com/g/s/b.git", "gitlab") == (address, "")
    assert "mr create --repo https://gitlab.com/g/s/b --source-branch" in log.read_text()
    state.write_text(json.dumps([{"web_url": address, "state": "opened"}]))
    log.write_text("")
    assert ask("https://gitlab.com/g/s/b.git", "gitlab") == (address, "")
    assert "create" not in log.read_text()


@pytest.mark.parametrize("create", ["echo 'HTTP 401: Bad credentials' >&2; exit 1", "true"])
def test_what_the_program_cannot_do_is_left_to_a_person(program, create: str) -> None:
    program("gh", create)
    address, note = ask("https://github.com/a/b", "github")
    assert address == f"https://github.com/a/b/compare/main...meshwright%2F{NEW}?expand=1"
    assert note.startswith("gh: ")


def test_without_a_program_there_is_the_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    address, note = ask("https://git.example.org/g/b", "gitlab", "höhe#1")
    assert address.startswith("https://git.example.org/g/b/-/merge_requests/new?")
    assert "h%C3%B6he%231" in address
    assert "glab is not installed" in note
    assert ask("/somewhere/here", None) == ("", "")
    assert ask("https://git.example.org/g/b", None) == ("", "")


def test_a_host_of_ones_own_is_named_in_the_mesh() -> None:
    assert forge.forge_of("https://github.com/a/b", {}) == "github"
    assert forge.forge_of("git@gitlab.example.org:a/b", {}) == "gitlab"
    assert forge.forge_of("ssh://git@git.example.org:2222/a/b", {"git.example.org": "gitlab"}) == "gitlab"
    assert forge.forge_of("https://git.example.org/a/b", {}) is None
    assert forge.forge_of("/srv/github/a", {}) is None


def test_addresses_are_taken_apart_as_git_does() -> None:
    assert parts("https://user:secret@git.example.org:8443/a/b.git") == ("git.example.org", "a/b")
    assert parts("git@git.example.org:a/b.git") == ("git.example.org", "a/b")
    assert [is_path(url) for url in ("/a", "./a:b", "a", "file:///a", "h:a", "https://h/a")] == [True, True, True, True, False, False]  # fmt: skip
    told = "unable to access 'https://user:secret@git.example.org/a/': no"
    assert without_credentials(told) == "unable to access 'https://git.example.org/a/': no"


def test_a_push_that_was_done_before_still_gets_its_pull_request(
    tmp_path: Path, program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a run that was killed between the two."""
    mesh = Mesh(tmp_path / "mesh")
    mesh.change()
    mesh.product("plain")
    monkeypatch.setattr(pull_requests, "parts", lambda url: ("github.com", "a/plain"))
    monkeypatch.setattr(forge, "forge_of", lambda url, forges: "github")
    monkeypatch.setenv("PATH", os.environ["PATH"])
    program("gh", "exit 1")
    mesh.rollout("apply", "--jobs", "1")
    log, _ = program("gh", "echo https://github.com/a/plain/pull/1")
    log.write_text("")
    code, found = mesh.rollout("apply", "--jobs", "1")
    assert (code, found["plain"]["pull_request"]) == (0, "https://github.com/a/plain/pull/1")
    assert "pr create" in log.read_text()
