"""Rollouts over repositories that mean harm, or are merely odd: refused or harmless, and never in the others' way."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from checkout import git
from git_http import git_server
from mesh import NEW, OLD, Mesh, commit, edited, replace, show, write

from meshwright.core.git import GitError
from meshwright.rollout.own_machine import of_own_machine

BRANCH = f"meshwright/{NEW}"


@pytest.fixture
def mesh(mesh: Mesh) -> Mesh:
    """A template with two releases, and one good product."""
    mesh.product("good")
    return mesh


def answers(old: str, new: str) -> Callable[[Path], None]:
    return edited(".copier-answers.yml", old, new)


def long_answers(product: Path) -> None:
    with (product / ".copier-answers.yml").open("a") as file:
        file.write("more: " + "x" * 1_100_000 + "\n")


def bomb(product: Path) -> None:
    lines = ["a0: &a0 [x, x]\n", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))]
    with (product / ".copier-answers.yml").open("a") as file:
        file.writelines(lines)


def linked_answers(product: Path) -> None:
    (product / ".copier-answers.yml").unlink()
    (product / ".copier-answers.yml").symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda product: (product / ".copier-answers.yml").unlink(), "no .copier-answers.yml"),
        (lambda product: write(product / ".copier-answers.yml", "[1, 2]\n"), "not a mapping"),
        (lambda product: write(product / ".copier-answers.yml", "a: [\n"), "not YAML"),
        (lambda product: write(product / ".copier-answers.yml", "_commit: v1.0.0\n"), "_src_path"),
        (lambda product: (product / ".copier-answers.yml").write_bytes(b"\xff\xfe"), "not UTF-8"),
        (answers(OLD, "[v1.0.0]"), "_commit"),
        (answers(OLD, "v0.0.9"), "no version v0.0.9"),
        (answers(OLD, "--output=/tmp/x"), "no version"),
        (answers(OLD, "HEAD:copier.yml"), "no version"),
        (answers("_src_path: ", "_src_path: https://evil.example.org/t.git #"), "another template"),
        (answers("name: x", "name: ../../up"), "cannot be rendered"),
        (answers("name: x", "name: [1]"), "cannot be rendered"),
        (long_answers, "larger than"),
        (bomb, "aliases"),
        (linked_answers, "is not a file"),
    ],
)
def test_answers_that_cannot_be_trusted_are_refused(
    mesh: Mesh, edit: Callable[[Path], None], says: str
) -> None:
    mesh.product("bad", edit)
    for verb in ("plan", "apply", "drift"):
        code, found = mesh.rollout(verb)
        assert code == 1
        assert found["bad"]["state"] == "refused", found["bad"]
        assert says in found["bad"]["reason"]
        assert found["bad"]["fix"]
        assert found["good"]["state"] in ("clean", "pushed", "kept")


def test_an_answer_is_data_and_never_a_template(mesh: Mesh) -> None:
    title = "{{ 7 * 191 }}{% raw %}"
    product = mesh.product("template", data={"title": title})
    code, found = mesh.rollout("apply", "--only", "template")
    assert (code, found["template"]["state"]) == (0, "pushed")
    assert title in show(product, BRANCH, "README.md")
    assert title in show(product, BRANCH, ".copier-answers.yml")


def test_links_that_lead_out_lead_nowhere(mesh: Mesh, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write(outside / "run.py", "untouched\n")

    def link(product: Path) -> None:
        (product / "pipeline/run.py").unlink()
        (product / "pipeline/start").unlink()
        (product / "pipeline").rmdir()
        (product / "pipeline").symlink_to(outside)
        (product / "README.md").unlink()
        (product / "README.md").symlink_to(outside / "run.py")

    product = mesh.product("links", link)
    code, found = mesh.rollout("apply", "--with-conflicts", "--verify", verify=["true"])
    assert code == 1
    assert found["links"]["state"] == "conflict"
    assert found["good"]["state"] == "pushed"
    assert (outside / "run.py").read_text() == "untouched\n"
    assert sorted(path.name for path in outside.iterdir()) == ["run.py"]
    kept = git("ls-tree", BRANCH, "pipeline~before-updating", cwd=product)
    assert kept.startswith("120000")


def test_programs_in_a_repositorys_configuration_do_not_run(mesh: Mesh, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    program = tmp_path / "program"
    write(program, f"#!/bin/sh\necho $0 $* >> {trap}\ncat\n")
    program.chmod(0o755)

    def attributes(product: Path) -> None:
        write(product / ".gitattributes", "* filter=evil diff=evil merge=evil text=auto\n")
        write(product / "pipeline/run.py", (product / "pipeline/run.py").read_text().replace("step 20", "x"))

    product = mesh.product("evil", attributes)
    for key in (
        "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv", "diff.evil.command",
        "merge.evil.driver", "core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.alternateRefsCommand",
        "uploadpack.packObjectsHook", "gc.recentObjectsHook", "credential.helper", "core.gitProxy",
    ):  # fmt: skip
        git("config", key, str(program), cwd=product)
    git("config", "filter.evil.required", "true", cwd=product)
    git("config", "receive.denyCurrentBranch", "updateInstead", cwd=product)
    for hook in (
        "pre-receive",
        "update",
        "post-receive",
        "post-update",
        "reference-transaction",
        "pre-push",
        "post-checkout",
        "proc-receive",
    ):
        (product / ".git/hooks" / hook).unlink(missing_ok=True)
        (product / ".git/hooks" / hook).symlink_to(program)
    write(product / ".git/objects/info/alternates", f"{mesh.template}/.git/objects\n")
    trap.unlink(missing_ok=True)
    for verb in ("status", "plan", "drift"):
        mesh.rollout(verb)
    code, found = mesh.rollout("apply", "--verify", verify=["true"])
    assert (code, found["evil"]["state"]) == (0, "pushed")
    assert not trap.exists(), trap.read_text()


def test_a_repository_cannot_have_something_fetched_by_a_program_of_its_own(
    mesh: Mesh, tmp_path: Path
) -> None:
    trap, program = tmp_path / "trap", tmp_path / "program"
    write(program, f"#!/bin/sh\ntouch {trap}\n")
    program.chmod(0o755)
    product = mesh.product("evil")
    for key, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "evil"),
        ("remote.evil.promisor", "true"),
        ("remote.evil.url", "../good"),
        ("remote.evil.uploadpack", str(program)),
    ):
        git("config", key, value, cwd=product)
    write(product / ".git/refs/heads/ghost", "1" * 40 + "\n")
    for verb in ("status", "plan", "drift", "apply"):
        _, found = mesh.rollout(verb)
        assert found["good"]["state"] in ("behind", "clean", "kept", "pushed")
    assert not trap.exists()


def test_a_name_too_long_to_be_asked_for_stops_nobody(mesh: Mesh) -> None:
    product = mesh.product("long")
    blob = git("rev-parse", "HEAD:pipeline/run.py", cwd=product).strip()
    long = "x" * 150_000
    entry = f"100644 {long}\0".encode() + bytes.fromhex(blob)
    run = subprocess.run(["git", "hash-object", "-t", "tree", "-w", "--stdin"], cwd=product, input=entry, capture_output=True, check=True)  # fmt: skip
    listing = git("ls-tree", "HEAD", cwd=product) + f"040000 tree {run.stdout.decode().strip()}\tzz\n"
    made = subprocess.run(["git", "mktree"], cwd=product, input=listing.encode(), capture_output=True, check=True).stdout.decode().strip()  # fmt: skip
    git("update-ref", "refs/heads/main", git("commit-tree", made, "-p", "main", "-m", "Long", cwd=product).strip(), cwd=product)  # fmt: skip
    for verb in ("plan", "drift", "apply"):
        _, found = mesh.rollout(verb)
        assert found["good"]["state"] in ("clean", "kept", "pushed")


def test_what_nobody_thought_of_stops_nobody(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    from meshwright.rollout import verbs

    load_repository = verbs.load_repository

    def broken(template: object, repository: object, *rest: object, **more: object) -> object:
        if repository.name == "odd":
            raise RuntimeError("never seen before")
        return load_repository(template, repository, *rest, **more)

    monkeypatch.setattr(verbs, "load_repository", broken)
    mesh.product("odd")
    code, found = mesh.rollout("plan")
    assert code == 1
    assert (found["odd"]["state"], found["odd"]["reason"]) == ("failed", "RuntimeError: never seen before")
    assert found["good"]["state"] == "clean"


OWN = {
    "a full disk": OSError(errno.ENOSPC, "No space left on device"),
    "a full disk, says git": GitError("fatal: write error: No space left on device"),
    "a quota": OSError(errno.EDQUOT, "Disk quota exceeded"),
    "too many files": OSError(errno.EMFILE, "Too many open files"),
    "no memory": MemoryError(),
    "no git": FileNotFoundError(errno.ENOENT, "No such file or directory", "git"),
}


@pytest.mark.parametrize("case", OWN)
def test_what_is_wrong_with_this_machine_is_reported_once_and_is_no_products_failure(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    def broken(*_: object, **__: object) -> object:
        raise OWN[case]

    monkeypatch.setattr("meshwright.rollout.verbs.load_repository", broken)
    mesh.product("other")
    mesh.write()
    code, output = mesh.say("plan")
    assert code == 2
    assert output.count("machine") == 1 and "fix: " in output
    assert "failed" not in output and "defect" not in output


def test_a_full_disk_of_the_server_is_the_servers(mesh: Mesh) -> None:
    assert of_own_machine(GitError("remote said no")) is None
    assert of_own_machine(FileNotFoundError(errno.ENOENT, "No such file or directory", "other")) is None


@pytest.mark.parametrize("name", ["meshwright", f"{BRANCH}/mine", "meshwright/v1.1.0/x/y"])
def test_a_plan_says_that_a_branch_is_in_the_way(mesh: Mesh, name: str) -> None:
    product = mesh.product("taken")
    git("branch", name, cwd=product)
    for verb in ("plan", "apply"):
        code, found = mesh.rollout(verb)
        assert (code, found["taken"]["state"]) == (1, "refused"), verb
        assert name in found["taken"]["reason"] and found["taken"]["fix"].startswith("Rename that branch")
        assert found["good"]["state"] in ("clean", "pushed")


def test_a_plan_says_that_others_work_on_the_branch(mesh: Mesh) -> None:
    product = mesh.product("taken")
    git("branch", BRANCH, cwd=product)
    assert "commits of others" in mesh.rollout("plan")[1]["taken"]["reason"]


def test_what_a_servers_hook_says_is_passed_on(
    mesh: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = mesh.product("strict")
    bare = tmp_path / "served" / "strict.git"
    git("clone", "--quiet", "--bare", str(product), str(bare), cwd=tmp_path)
    git("config", "http.receivepack", "true", cwd=bare)
    write(
        bare / "hooks/pre-receive",
        "#!/bin/sh\necho 'Only signed commits: see https://docs.example.org/sign' >&2\nexit 1\n",
    )
    (bare / "hooks/pre-receive").chmod(0o755)
    with git_server(bare.parent, "me", "token") as server:
        for number, (key, value) in enumerate([("http.extraHeader", "Authorization: Basic bWU6dG9rZW4=")]):
            monkeypatch.setenv("GIT_CONFIG_COUNT", str(number + 1))
            monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
            monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
        mesh.products = [f"{server}/strict.git"]
        code, found = mesh.rollout("apply")
    (outcome,) = found.values()
    assert (code, outcome["state"]) == (1, "failed"), outcome
    assert "Only signed commits: see https://docs.example.org/sign" in outcome["reason"]


def test_names_and_addresses_cannot_forge_a_line_or_show_a_password(mesh: Mesh) -> None:
    mesh.product("forger", lambda product: write(product / "pipeline/x\ngood  v1.1.0  up to date", "x"))
    forger = mesh.folder / "forger"
    git("mv", "pipeline/run.py", "pipeline/y\ngood  v1.1.0  up to date", cwd=forger)
    replace(forger / "pipeline/y\ngood  v1.1.0  up to date", "step 10\n", "mine\n")
    commit(forger, "Forged")
    mesh.product("teller", answers("_src_path: ", "_src_path: https://bob:s3cret@git.example.org/t #"))
    mesh.write()
    for form in ("table", "json"):
        _, told = mesh.say("plan", "--format", form)
        assert "\ngood  v1.1.0" not in told
        assert "s3cret" not in told


def test_a_users_own_hooks_do_not_run_either(
    mesh: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap, hooks = tmp_path / "trap", tmp_path / "hooks"
    for name in ("post-checkout", "pre-commit", "pre-push", "reference-transaction", "post-index-change"):
        write(hooks / name, f"#!/bin/sh\necho $0 $* >> {trap}\n")
        (hooks / name).chmod(0o755)
    write(tmp_path / "config", f"[core]\n\thooksPath = {hooks}\n[init]\n\ttemplateDir = {hooks.parent}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    code, _ = mesh.rollout("apply", "--verify", verify=["true"])
    assert code == 0
    assert not trap.exists(), trap.read_text()


def test_a_rollout_started_from_a_hook_stays_out_of_that_repository(
    mesh: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("init", "--quiet", str(tmp_path / "around"), cwd=tmp_path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "around/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "around/.git/index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "around"))
    code, found = mesh.rollout("plan")
    assert (code, found["good"]["state"]) == (0, "clean")
    checks = ["git add --all", "sh -c 'test -z \"$GIT_DIR\"'"]
    code, found = mesh.rollout("apply", "--verify", verify=checks)
    assert (code, found["good"]["state"]) == (0, "pushed")
    assert not (tmp_path / "around/.git/index").exists()


def test_huge_files_are_left_where_they_are(mesh: Mesh) -> None:
    def huge(product: Path) -> None:
        with (product / "pipeline/run.py").open("wb") as file:
            file.truncate(60_000_000)
        (product / "data.bin").write_bytes(os.urandom(9_000_000))

    product = mesh.product("huge", huge)
    git("config", "uploadpack.allowFilter", "true", cwd=product)
    mesh.products[-1] = f"file://{product}"
    for verb in ("plan", "drift"):
        code, found = mesh.rollout(verb)
        assert code == 1
        assert found["huge"]["state"] in ("refused", "conflict", "drifted"), found["huge"]
        assert found["good"]["state"] in ("clean", "kept")


def test_objects_that_git_would_not_accept_are_refused(mesh: Mesh) -> None:
    product = mesh.product("broken")
    blob = git("rev-parse", "HEAD:.copier-answers.yml", cwd=product).strip()
    entry = b"100644 .git\0" + bytes.fromhex(blob)
    done = subprocess.run(["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"], cwd=product, input=entry, capture_output=True, check=True)  # fmt: skip
    bad = git("commit-tree", done.stdout.decode().strip(), "-m", "evil", cwd=product).strip()
    git("update-ref", "refs/heads/main", bad, cwd=product)
    code, found = mesh.rollout("plan")
    assert code == 1
    assert found["broken"]["state"] in ("refused", "unreachable")
    assert found["good"]["state"] == "clean"


# ODD, NOT HOSTILE ----------------------------------------------------------------------------------


def test_repositories_without_a_commit_or_a_branch_say_so(mesh: Mesh) -> None:
    git("init", "--quiet", "--bare", str(mesh.folder / "empty.git"), cwd=mesh.folder)
    unborn = mesh.product("unborn")
    git("symbolic-ref", "HEAD", "refs/heads/master", cwd=unborn)
    mesh.product("named", branch="trunk")
    write(mesh.folder / "a-file", "no repository\n")
    mesh.products += ["empty.git", "a-file"]
    code, found = mesh.rollout("plan")
    assert code == 1
    assert found["empty"]["reason"] == "The repository is empty."
    assert found["unborn"]["reason"] == "Its default branch does not exist; existing branches: main."
    assert found["named"]["reason"] == "It has no branch trunk, only main."
    assert found["a-file"]["state"] == "unreachable"
    assert found["good"]["state"] == "clean"


def test_the_default_branch_is_asked_for_every_time(mesh: Mesh) -> None:
    product = mesh.folder / "good"
    mesh.rollout("apply")
    git("checkout", "--quiet", "-b", "release/2026 höhe#1".replace(" ", "-"), cwd=product)
    write(product / "own.txt", "ours\n")
    commit(product, "On another branch")
    code, found = mesh.rollout("apply")
    assert (code, found["good"]["state"]) == (0, "pushed")
    assert show(product, BRANCH, "own.txt") == "ours\n"


@pytest.mark.parametrize("name", ["feature/x", "höhe", "a#b%c", "HEAD-like", "v1.1.0", "--odd".lstrip("-")])
def test_branches_may_have_any_name(mesh: Mesh, name: str) -> None:
    product = mesh.product("odd", branch=name)
    git("branch", "--move", "main", name, cwd=product)
    code, found = mesh.rollout("apply", "--only", "odd")
    assert (code, found["odd"]["state"]) == (0, "pushed")
    assert git("rev-parse", f"refs/heads/{BRANCH}^", cwd=product) == git(
        "rev-parse", f"refs/heads/{name}", cwd=product
    )


def test_a_commit_that_is_checked_out_without_a_branch_is_a_base_too(mesh: Mesh) -> None:
    product = mesh.folder / "good"
    git("checkout", "--quiet", "--detach", cwd=product)
    code, found = mesh.rollout("apply")
    assert (code, found["good"]["state"]) == (0, "pushed")


def test_a_branch_that_is_in_the_way_is_named(mesh: Mesh) -> None:
    git("branch", "meshwright", cwd=mesh.folder / "good")
    code, found = mesh.rollout("apply")
    assert (code, found["good"]["state"]) == (1, "refused")
    assert "a branch meshwright" in found["good"]["reason"]


def test_a_server_that_refuses_the_push_is_told_about(mesh: Mesh) -> None:
    product = mesh.folder / "good"
    mesh.rollout("apply")
    moved = git("commit-tree", "main^{tree}", "-p", "main", "-m", "Moved", cwd=product).strip()
    git("update-ref", "refs/heads/main", moved, cwd=product)
    git("checkout", "--quiet", BRANCH, cwd=product)  # git pushes to no branch that is checked out
    code, found = mesh.rollout("apply", repositories=[{"url": "good", "branch": "main"}])
    assert (code, found["good"]["state"]) == (1, "failed")
    assert "branch is currently checked out" in found["good"]["reason"]


def test_a_template_that_moved_takes_its_products_along(mesh: Mesh) -> None:
    was = str(mesh.template)
    moved = mesh.template.rename(mesh.folder / "moved")
    code, found = mesh.rollout("plan", template="moved")
    assert (code, found["good"]["state"]) == (1, "refused")
    assert "formerly" in found["good"]["fix"]
    code, found = mesh.rollout("apply", template="moved", formerly=[was])
    assert (code, found["good"]["state"]) == (0, "pushed")
    assert str(moved) in show(mesh.folder / "good", BRANCH, ".copier-answers.yml")


@pytest.mark.parametrize(
    ("feature", "says"),
    [
        ("_tasks: [touch made]\n", "does not run"),
        ("_jinja_extensions: [jinja2.ext.do]\n", "does not run"),
        ("_external_data: {spec: data-product.yaml}\n", "reads files of the product"),
        ("_min_copier_version: '99'\n", "Copier version"),
        ("_exclude: 3\n", "copier.yml"),
        ("broken: [\n", "copier.yml"),
    ],
)
def test_a_template_that_no_rollout_can_bring_is_told_once(mesh: Mesh, feature: str, says: str) -> None:
    text = (mesh.template / "copier.yml").read_text()
    start = text.index("_exclude") if feature.startswith("_exclude") else len(text)
    end = text.index("_skip") if feature.startswith("_exclude") else len(text)
    write(mesh.template / "copier.yml", text[:start] + feature + text[end:])
    mesh.release("v1.2.0")
    mesh.write()
    for verb in ("plan", "apply"):
        code, told = mesh.say(verb)
        assert code == 2
        assert says in told
    code, found = mesh.rollout("status")
    assert (code, found["good"]["state"]) == (0, "behind")


def test_migrations_are_refused(mesh: Mesh) -> None:
    with (mesh.template / "copier.yml").open("a") as file:
        file.write("_migrations: [touch made]\n")
    mesh.release("v1.2.0")
    code, found = mesh.rollout("plan")
    assert (code, found["good"]["state"]) == (1, "refused")
    assert "migrations" in found["good"]["reason"]


def test_a_template_that_cannot_be_fetched_is_wrong_usage(mesh: Mesh) -> None:
    mesh.write(template="nowhere")
    code, told = mesh.say("plan")
    assert code == 2
    assert "cannot be fetched" in told


def test_an_answer_after_the_time_is_up_is_none(
    mesh: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow"
    write(slow, "#!/bin/sh\nsleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(slow))
    mesh.products.append("ssh://git.example.org/slow.git")
    clock = time.monotonic()
    code, found = mesh.rollout("plan", "--timeout", "2")
    assert code == 1
    assert found["slow"]["reason"] == "No answer within 2 s."
    assert found["good"]["state"] == "clean"
    assert time.monotonic() - clock < 30


@pytest.mark.slow
def test_a_rollout_that_is_killed_can_be_run_again(mesh: Mesh) -> None:
    names = [f"product{number}" for number in range(6)]
    for name in names:
        mesh.product(name)
    mesh.write()
    command = [sys.executable, "-m", "meshwright", "rollout", "apply", "--jobs", "2"]
    for delay in (0.5, 1.2, 1.6, 2.0):
        process = subprocess.Popen(
            command, cwd=mesh.folder, start_new_session=True, stdout=subprocess.DEVNULL
        )
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, cwd=mesh.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in names:
        product = mesh.folder / name
        assert git("rev-list", "--count", f"main..{BRANCH}", cwd=product).strip() == "1"
        assert git("for-each-ref", "--format=%(refname)", cwd=product).split() == [
            "refs/heads/main",
            f"refs/heads/{BRANCH}",
        ]
        git("fsck", "--strict", cwd=product)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_pushed_after_the_end(mesh: Mesh, how: signal.Signals) -> None:
    for number in range(4):
        mesh.product(f"product{number}")
    mesh.write(verify=["sleep 5"])
    command = [sys.executable, "-m", "meshwright", "rollout", "apply", "--verify", "--jobs", "2"]
    process = subprocess.Popen(
        command, cwd=mesh.folder, start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    time.sleep(3)
    process.send_signal(how)  # the one process that people see, not its workers
    clock = time.monotonic()
    told, _ = process.communicate()
    if how is signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130
        assert "interrupted" in told
    assert time.monotonic() - clock < 4
    time.sleep(7)
    for name in ("good", *(f"product{number}" for number in range(4))):
        assert git("branch", "--list", BRANCH, cwd=mesh.folder / name) == ""
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)  # no worker is left
