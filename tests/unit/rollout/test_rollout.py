"""`meshwright rollout`: what it says, what it does, and what it leaves alone, on real git repositories."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from checkout import git
from mesh import NEW, OLD, Mesh, commit, edited, replace, show, state_of, tree, write

BRANCH = f"meshwright/{NEW}"


def heads(product: Path) -> set[str]:
    return set(git("for-each-ref", "--format=%(refname:short)", "refs/heads", cwd=product).split())


# STATUS ------------------------------------------------------------------------------------------


def test_status_says_what_each_has_and_how_far_it_is_behind(mesh: Mesh) -> None:
    mesh.product("plain")
    current = mesh.product("current")
    replace(current / ".copier-answers.yml", OLD, NEW)
    commit(current, "As if updated")
    mesh.release("v1.2.0")
    mesh.products.append("nowhere")
    code, found = mesh.rollout("status")
    assert code == 1
    assert (found["plain"]["state"], found["plain"]["version"], found["plain"]["behind"]) == (
        "behind",
        OLD,
        2,
    )
    assert (found["current"]["state"], found["current"]["behind"]) == ("behind", 1)
    assert found["nowhere"]["state"] == "unreachable"
    assert "repository" in found["nowhere"]["reason"]
    code, found = mesh.rollout("status", "--to", OLD, "--only", "current")
    assert code == 0
    assert {name: one["state"] for name, one in found.items()} == {"current": "ahead"}


def test_status_fetches_only_what_it_reads(mesh: Mesh, tmp_path: Path) -> None:
    from meshwright.core.git import Git, GitError
    from meshwright.rollout.fleet import Repository
    from meshwright.rollout.remote import fetch, look

    product = mesh.product("plain", lambda product: write(product / "models/large.bin", "x" * 100_000))
    git("config", "uploadpack.allowFilter", "true", cwd=product)
    repository = Repository("plain", f"file://{product}", "everyone")
    for deep, there in ((False, False), (True, True)):
        here = Git(tmp_path / f"here-{deep}.git")
        fetch(here, look(here, repository, 60), (), 60, deep)
        name = git("rev-parse", "HEAD:models/large.bin", cwd=product).strip()
        if there:
            assert len(here.blob(name)) == 100_000
        else:
            with pytest.raises(GitError):
                here.blob(name)


def test_a_product_of_a_template_without_a_release_is_behind_the_first(tmp_path: Path) -> None:
    """Its version is the short name of a commit, which can look like a number."""
    mesh = Mesh(tmp_path)
    mesh.product("early")
    git("tag", "--delete", OLD, cwd=mesh.template)
    for number in range(5000):
        git("commit", "--quiet", "--amend", "--message", f"Try {number}", cwd=mesh.template)
        name = git("describe", "--always", cwd=mesh.template).strip()
        if name.isdigit():
            break
    replace(tmp_path / "early/.copier-answers.yml", OLD, f"'{name}'")
    commit(tmp_path / "early", "As if made before there was a release")
    mesh.change()
    code, found = mesh.rollout("plan")
    assert (code, found["early"]["state"]) == (0, "clean")


# PLAN --------------------------------------------------------------------------------------------


def test_plan_tells_clean_from_conflict_and_changes_nothing(mesh: Mesh) -> None:
    mesh.product("plain")
    mesh.product("elsewhere", edited("pipeline/run.py", "step 20\n", "step 20\nmine\n"))
    mesh.product("clash", edited("pipeline/run.py", "step 10\n", "step 10, mine\n"))
    names = ["plain", "elsewhere", "clash", "template"]
    before = state_of(mesh.folder, names)
    code, found = mesh.rollout("plan", "--to", NEW)
    assert code == 1
    assert {name: one["state"] for name, one in found.items()} == {
        "plain": "clean",
        "elsewhere": "clean",
        "clash": "conflict",
    }
    assert ["M", "pipeline/run.py"] in found["plain"]["changes"]
    assert not any(path.startswith("models/") for _, path in found["plain"]["changes"])
    conflict = found["clash"]["conflicts"][0]
    assert (conflict["path"], conflict["kind"]) == ("pipeline/run.py", "both sides changed the same lines")
    assert "step 10, mine\n=======\nstep ten\n" in conflict["hunks"][0]
    assert state_of(mesh.folder, names) == before
    code, told = mesh.say("plan", "--to", NEW, "--only", "clash")
    assert code == 1
    assert "step 10, mine" in told
    assert "1 conflict" in told


def test_the_newest_release_is_what_is_rolled_out(mesh: Mesh) -> None:
    mesh.product("plain")
    mesh.release("v2.0.0rc1")
    code, found = mesh.rollout("plan")
    assert (code, found["plain"]["target"]) == (0, NEW)
    code, found = mesh.rollout("plan", "--to", "v2.0.0rc1")
    assert (code, found["plain"]["target"]) == (0, "v2.0.0rc1")


def test_the_version_is_called_what_it_was_asked_for_as(mesh: Mesh) -> None:
    product = mesh.product("plain")
    for tag in ("latest", "v1.1.0rc1"):
        git("tag", tag, NEW, cwd=mesh.template)
    git("tag", "--annotate", "stable", "--message", "x", NEW, cwd=mesh.template)
    code, found = mesh.rollout("apply")
    assert (code, found["plain"]["target"]) == (0, NEW)
    assert heads(product) == {"main", BRANCH}


def test_a_template_that_is_a_shallow_clone_still_has_its_release(mesh: Mesh) -> None:
    git(
        "clone",
        "--quiet",
        "--depth=1",
        "--branch",
        NEW,
        mesh.template.as_uri(),
        str(mesh.folder / "shallow"),
        cwd=mesh.folder,
    )
    mesh.product("plain")
    code, found = mesh.rollout("status", template="shallow", formerly=[str(mesh.template)])
    assert found["plain"]["state"] == "refused"
    assert (code, "no version v1.0.0" in found["plain"]["reason"]) == (1, True)


def test_a_version_that_there_is_not_is_wrong_usage(mesh: Mesh) -> None:
    mesh.product("plain")
    mesh.write()
    for wrong in ("v9.9.9", "--upload-pack=x", "HEAD:copier.yml", "../x", "@{-1}", ""):
        code, told = mesh.say("plan", f"--to={wrong}")
        assert code == 2 if wrong else code == 0, wrong
        assert not wrong or "has no version" in told


# APPLY -------------------------------------------------------------------------------------------


def test_apply_pushes_one_commit_to_its_own_branch_and_touches_nothing_else(mesh: Mesh) -> None:
    product = mesh.product("plain", edited("README.md", "line 20\n", "line 20\nmine\n"))
    before = state_of(mesh.folder, ["plain"])["plain"]
    code, found = mesh.rollout("apply", "--to", NEW)
    assert (code, found["plain"]["state"], found["plain"]["branch"]) == (0, "pushed", BRANCH)
    assert git("rev-list", "--count", f"main..{BRANCH}", cwd=product).strip() == "1"
    readme = show(product, BRANCH, "README.md")
    assert "mine" in readme
    assert "line ten" in readme
    assert NEW in show(product, BRANCH, ".copier-answers.yml")
    git("update-ref", "-d", f"refs/heads/{BRANCH}", cwd=product)
    assert state_of(mesh.folder, ["plain"])["plain"] == before


def test_running_it_again_changes_nothing(mesh: Mesh) -> None:
    product = mesh.product("plain")
    mesh.rollout("apply")
    first = git("rev-parse", BRANCH, cwd=product)
    code, found = mesh.rollout("apply")
    assert (code, found["plain"]["state"]) == (0, "pushed")
    assert git("rev-parse", BRANCH, cwd=product) == first


def test_a_branch_that_is_there_follows_its_base(mesh: Mesh) -> None:
    product = mesh.product("plain")
    mesh.rollout("apply")
    write(product / "own.txt", "ours\n")
    commit(product, "More of ours")
    code, _ = mesh.rollout("apply")
    assert code == 0
    assert git("rev-parse", f"{BRANCH}^", cwd=product) == git("rev-parse", "main", cwd=product)
    assert heads(product) == {"main", BRANCH}


def test_a_branch_with_somebody_elses_commits_is_left_alone(mesh: Mesh) -> None:
    product = mesh.product("plain")
    for number, command in enumerate(
        (
            ("commit", "--message", "Ours on top"),
            ("commit", "--amend", "--no-edit"),
            ("commit", "--amend", "--message", "The same, in our words"),
            ("rebase", "other"),
        )
    ):
        git("branch", "--force", "other", "main", cwd=product)
        mesh.rollout("apply")
        if command[0] == "rebase":
            git("checkout", "--quiet", "other", cwd=product)
            git("commit", "--quiet", "--allow-empty", "--message", "Ours below", cwd=product)
        git("checkout", "--quiet", BRANCH, cwd=product)
        if number < 2:
            write(product / "own.txt", f"ours {number}\n")
            git("add", "--all", cwd=product)
        git(*command, "--quiet", cwd=product)
        theirs = git("rev-parse", BRANCH, cwd=product)
        git("checkout", "--quiet", "main", cwd=product)
        commit(product, "Moved")
        code, found = mesh.rollout("apply")
        assert (code, found["plain"]["state"]) == (1, "refused")
        assert "commits of others" in found["plain"]["reason"]
        assert git("rev-parse", BRANCH, cwd=product) == theirs
        git("branch", "--quiet", "-D", BRANCH, cwd=product)


def test_a_conflict_gets_a_commit_only_when_asked_for(mesh: Mesh) -> None:
    product = mesh.product("clash", edited("pipeline/run.py", "step 10\n", "step 10, mine\n"))
    code, found = mesh.rollout("apply")
    assert (code, found["clash"]["state"], found["clash"]["branch"]) == (1, "conflict", "")
    assert heads(product) == {"main"}
    code, found = mesh.rollout("apply", "--with-conflicts")
    assert (code, found["clash"]["state"], found["clash"]["branch"]) == (1, "conflict", BRANCH)
    text = show(product, BRANCH, "pipeline/run.py")
    assert "<<<<<<< before updating\nstep 10, mine\n=======\nstep ten\n>>>>>>> after updating\n" in text
    assert "pipeline/run.py" in git("log", "-1", "--format=%B", BRANCH, cwd=product)


def test_a_merged_update_is_up_to_date(mesh: Mesh) -> None:
    product = mesh.product("plain")
    mesh.rollout("apply")
    git("merge", "--quiet", "--ff-only", BRANCH, cwd=product)
    code, found = mesh.rollout("plan")
    assert (code, found["plain"]["state"]) == (0, "up to date")


def test_verify_runs_the_products_checks_on_the_result_before_the_push(mesh: Mesh) -> None:
    good, bad = mesh.product("good"), mesh.product("bad", lambda product: write(product / "broken", "x"))
    checks = ["test -f added.txt", "test ! -e broken"]
    code, found = mesh.rollout("apply", "--verify", verify=checks)
    assert code == 1
    assert {name: one["state"] for name, one in found.items()} == {"good": "pushed", "bad": "failed"}
    assert "`test ! -e broken` ended with exit code 1" in found["bad"]["reason"]
    assert heads(good) == {"main", BRANCH}
    assert heads(bad) == {"main"}
    code, found = mesh.rollout("apply", "--verify", "--only", "bad", verify=["no-such-program"])
    assert (code, found["bad"]["state"]) == (1, "failed")


def test_waves_go_in_order_and_stop_where_the_release_does_not_fit(mesh: Mesh) -> None:
    late = mesh.product("late")
    mesh.product("canary", edited("pipeline/run.py", "step 10\n", "step 10, mine\n"), wave="canary")
    waves = ["canary", "rest"]
    code, found = mesh.rollout("apply", waves=waves)
    assert code == 1
    assert {name: one["state"] for name, one in found.items()} == {"late": "waiting", "canary": "conflict"}
    assert heads(late) == {"main"}
    code, found = mesh.rollout("apply", "--wave", "rest", waves=waves)
    assert (code, list(found), found["late"]["state"]) == (0, ["late"], "pushed")
    code, found = mesh.rollout("apply", "--keep-going", waves=waves)
    assert {name: one["state"] for name, one in found.items()} == {"late": "pushed", "canary": "conflict"}


def test_a_server_that_is_down_does_not_stop_the_next_wave(mesh: Mesh) -> None:
    mesh.product("late")
    mesh.products.append({"url": "nowhere", "wave": "canary"})
    code, found = mesh.rollout("apply", waves=["canary", "rest"])
    assert code == 1
    assert {name: one["state"] for name, one in found.items()} == {"late": "pushed", "nowhere": "unreachable"}


# DRIFT -------------------------------------------------------------------------------------------


def test_drift_shows_what_was_changed_of_the_templates_files(mesh: Mesh) -> None:
    mesh.product(
        "kept", edited("README.md", "line 5\n", "mine\n"), lambda p: write(p / "pipeline/own.py", "x\n")
    )
    mesh.product("edited", edited("pipeline/run.py", "step 5\n", "step five\n"))
    mesh.product("deleted", lambda product: (product / "pipeline/run.py").unlink())
    mesh.product("mode", lambda product: (product / "pipeline/start").chmod(0o644))
    code, found = mesh.rollout("drift")
    assert code == 1
    assert {name: (one["state"], one["changes"]) for name, one in found.items()} == {
        "kept": ("kept", []),
        "edited": ("drifted", [["M", "pipeline/run.py"]]),
        "deleted": ("drifted", [["D", "pipeline/run.py"]]),
        "mode": ("drifted", [["M", "pipeline/start"]]),
    }
    assert "-step 5\n+step five\n" in found["edited"]["diff"][0]


# FORMS -------------------------------------------------------------------------------------------


def test_the_page_is_one_file_that_loads_nothing(mesh: Mesh, tmp_path: Path) -> None:
    mesh.product("clash", edited("pipeline/run.py", "step 10\n", "<script>alert(1)</script>\n"))
    mesh.write()
    page = tmp_path / "report.html"
    code, _ = mesh.say("plan", "--html", str(page))
    text = page.read_text("utf-8")
    assert code == 1
    assert "&lt;script&gt;alert(1)" in text
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert not re.search(r"<(script|link|img|iframe|object)\b|\bsrc=|@import|url\(", text)
    code, told = mesh.say("plan", "--html", str(tmp_path / "no" / "such" / "folder.html"))
    assert code == 2
    assert "cannot be written" in told


def test_nothing_from_a_repository_steers_a_terminal(mesh: Mesh) -> None:
    mesh.product("clash", edited("pipeline/run.py", "step 10\n", "\x1b]0;owned\x07\x1b[2Jmine\n"))
    mesh.write()
    for form in ("table", "json"):
        _, told = mesh.say("plan", "--format", form)
        assert "mine" in told
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", told)


# THE MESH ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("template: [x\n", 2, "not YAML"),
        ("repositories: []\n", 1, "template"),
        ("template: t\nrepositories: [{}]\n", 2, "url"),
        ("template: t\nrepositories: [3]\n", 2, "3 is not of type"),
        ("template: t\nrepositories: []\ncolour: red\n", 3, "colour"),
        ("template: t\nrepositories:\n  - a\n  - ./a\n", 4, "twice"),
        ("template: t\nwaves: [one]\nrepositories:\n  - {url: a, wave: two}\n", 4, "wave two"),
        ("template: t\nrepositories:\n  - https://u:secret@git.example.org/a.git\n", 3, "password"),
        ("template: t\nrepositories:\n  - 'ext::sh -c id'\n", 3, "not an address"),
        ("template: t\nrepositories:\n  - --upload-pack=x\n", 3, "not an address"),
        ("template: t\nrepositories:\n  - {url: a, url: b}\n", 3, "twice"),
        ("template: t\nrepositories:\n  - a\n  - file://./a/\n  - ./b/../a\n", 5, "twice"),
        ("template: t\nrepositories:\n  - 'https://[x/a'\n", 3, "not an address"),
        ("template: ~nosuchuser/x\nrepositories: []\n", 1, "not an address"),
        ('template: t\nverify: ["echo \'x"]\nrepositories: []\n', 2, "not a command"),
    ],
)
def test_a_wrong_mesh_is_refused_with_its_place(tmp_path: Path, text: str, line: int, says: str) -> None:
    mesh = Mesh(tmp_path)
    (tmp_path / "mesh.yaml").write_text(text)
    code, told = mesh.say("status")
    assert code == 2
    assert f"mesh.yaml:{line}:" in told
    assert says in told
    assert "fix: " in told
    assert "secret" not in told


def test_a_mesh_that_is_not_there_and_a_choice_of_nothing_are_wrong_usage(mesh: Mesh) -> None:
    code, told = mesh.say("status")
    assert (code, "No such file" in told) == (2, True)
    mesh.product("plain")
    mesh.write()
    for wrong in (
        ("--wave", "no"),
        ("--only", "no*"),
        ("--fleet", "http://["),
        ("--fleet", "https://exa mple/x"),
    ):
        code, told = mesh.say("status", *wrong)
        assert code == 2
        assert "fix: " in told


def test_a_catalog_can_serve_the_mesh(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    product = mesh.product("plain")
    served = {"template": f"file://{mesh.template}", "repositories": [f"file://{product}"]}

    class Catalog(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.headers["Authorization"] == "Bearer abc" else 401)
            self.end_headers()
            self.wfile.write(json.dumps(served).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Catalog) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/mesh"
        code, told = mesh.say("plan", "--fleet", address)
        assert code == 2
        assert "MESHWRIGHT_TOKEN" in told
        monkeypatch.setenv("MESHWRIGHT_TOKEN", "abc")
        code, told = mesh.say("plan", "--fleet", address)
        assert code == 0
        assert "1 clean" in told
        served["repositories"] = ["../plain"]
        code, told = mesh.say("plan", "--fleet", address)
        assert code == 2
        assert "Give a URL" in told
        server.shutdown()


def test_names_are_as_short_as_they_can_be(tmp_path: Path) -> None:
    from meshwright.rollout.fleet import read

    urls = [
        "https://git.example.org/a/one.git",
        "git@git.example.org:b/one",
        "https://git.example.org/b/two",
        "https://other.example.org/a/three",
        "https://git.example.org/a/three",
    ]
    (tmp_path / "mesh.yaml").write_text(yaml.safe_dump({"template": "t", "repositories": urls}))
    assert [one.name for one in read(str(tmp_path / "mesh.yaml")).repositories] == [
        "a/one",
        "b/one",
        "two",
        "other.example.org/a/three",
        "git.example.org/a/three",
    ]


def test_a_worker_that_dies_takes_no_other_repository_with_it(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    from meshwright.rollout import verbs

    planned = verbs.VERBS["plan"]

    def dies(request: object, repository: object, *rest: object) -> None:
        if repository.name == "deadly":
            os._exit(9)
        planned(request, repository, *rest)

    monkeypatch.setitem(verbs.VERBS, "plan", dies)
    for name in ("one", "deadly", "two"):
        mesh.product(name)
    code, found = mesh.rollout("plan", "--jobs", "2")
    assert code == 1
    assert {name: one["state"] for name, one in found.items()} == {
        "one": "clean",
        "deadly": "failed",
        "two": "clean",
    }


def test_apply_equals_the_tree_of_a_second_machine(mesh: Mesh) -> None:
    """What is pushed does not depend on who pushes it, or when."""
    product = mesh.product("plain")
    mesh.rollout("apply")
    first = tree(product, BRANCH)
    git("branch", "--quiet", "-D", BRANCH, cwd=product)
    mesh.rollout("apply", "--jobs", "1")
    assert tree(product, BRANCH) == first
