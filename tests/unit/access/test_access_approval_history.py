"""Reading a repository at a commit: what is there, what led to it, and that nothing but its objects is believed."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from signed import APPROVERS, BO, PATH, People, Repository, agreement

from meshwright.access.approval import approval
from meshwright.core.git_history import History, HistoryError
from meshwright.core.yaml import Unreadable, parse
from meshwright.product import schema
from meshwright.product.approvers import unsound
from meshwright.product.validate import misshapen

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="this machine has no ssh-keygen")


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def product(tmp_path: Path, people: People) -> Repository:
    """A product with an approved agreement."""
    product = Repository(tmp_path / "product", people)
    product.commit(
        "Name approvers", {APPROVERS: people.approvers("ada"), "README.md": "x\n", PATH: agreement()}
    )
    product.commit("Approve", {PATH: agreement("approved")}, signed="ada")
    return product


def accepted(root: Path) -> bool:
    return approval(History(root), PATH, ("owner",), BO).accepted


# What is there


def test_files_are_read_as_they_are_committed(product: Repository) -> None:
    product.commit("More", {"access/rego/a b.rego": "ä\n", "other/x": "y"})
    product.write({PATH: "edited", "README.md": "edited"})
    history = History(product.root)
    assert history.read("README.md") == "x\n"
    assert history.read("access/rego/a b.rego") == "ä\n"
    assert [history.read(path) for path in ("none", "access", "access/", "READ*", ":(icase)readme.md")] == [None] * 5  # fmt: skip
    assert history.list("access") == [PATH, APPROVERS, "access/rego/a b.rego"]
    assert history.list("access/rego/") == ["access/rego/a b.rego"]
    assert history.list("acc") == []
    assert History(product.root, history.mainline[0]).list("access") == [PATH, APPROVERS]


@pytest.mark.parametrize(
    "name", ["new\nline", 'tab\tquote"', "-- option", "\udcff\udcfe", ":(top)x", "a" * 250]
)
def test_names_of_files_can_be_anything(product: Repository, name: str) -> None:
    path = f"access/agreements/{name}"
    product.commit("Odd", {path: "odd\n"})
    history = History(product.root)
    assert path in history.list("access")
    assert history.read(path) == "odd\n"
    assert list(history.touched(path)) == [history.commit]
    assert history.uncommitted(["access"]) == []
    product.write({path: "edited\n"})
    assert history.uncommitted(["access"]) == [path]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda file: file.symlink_to("README.md"), "symbolic link"),
        (lambda file: (file.write_text("x"), file.chmod(0o755)), "executable"),
        (lambda file: file.write_bytes(b"\xff\xfe"), "not UTF-8"),
        (lambda file: file.write_text("x" * 1_000_001), "larger than"),
        (lambda file: subprocess.run(["git", "init", "-q", str(file)], check=True), "submodule"),
    ],
    ids=["link", "executable", "bytes", "size", "submodule"],
)  # fmt: skip
def test_what_is_no_ordinary_text_is_not_read(product: Repository, make: object, says: str) -> None:
    file = product.root / "odd"
    make(file)  # type: ignore[operator]
    if file.is_dir():
        inner = Repository(file, product.people)
        inner.commit("Inner", {"x": "y"})
    product.commit("Odd", {})
    with pytest.raises(Unreadable, match=says) as caught:
        History(product.root).read("odd")
    assert caught.value.fix
    assert History(product.root).read("README.md") == "x\n", "what is refused stops nothing else"


def test_what_is_not_committed_is_named(product: Repository) -> None:
    product.commit("Link", {"access/run": "x\n"})
    history = History(product.root)
    everything = ["access", "README.md", "data-product.yaml"]
    assert history.uncommitted(everything) == []
    (product.root / APPROVERS).write_bytes((product.root / APPROVERS).read_bytes().replace(b"\n", b"\r\n"))
    assert history.uncommitted(everything) == []
    product.write({PATH: "edited", "access/new.yaml": "x", "README.md": None, "other.md": "x"})
    (product.root / "access/run").unlink()
    (product.root / "access/run").symlink_to("/etc/passwd")
    (product.root / "data-product.yaml").mkdir()
    (product.root / "access/folder").symlink_to("/etc")
    product.git("add", "--all")
    assert history.uncommitted(everything) == sorted(
        [PATH, "access/new.yaml", "README.md", "access/run", "access/folder"]
    )


# What led to it


def test_ancestors_and_the_mainline(product: Repository) -> None:
    first = product.git("rev-parse", "HEAD")
    product.branch("side")
    side = product.commit("Side", {"side": "x"})
    product.branch("deep")
    deep = product.commit("Deep", {"deep": "x"})
    product.switch("main")
    second = product.commit("Main", {"main": "x"})
    merge = product.merge("deep")
    late = product.commit("Late", {"late": "x"})
    history = History(product.root)
    assert list(history.mainline)[1:] == [first, second, merge, late]
    for commit in (first, second, merge, late, side, deep):
        assert history.is_ancestor(commit, late)
        assert history.is_ancestor(commit, commit)
        assert history.continues(commit) == (commit not in (side, deep))
    assert history.is_ancestor(side, deep)
    assert not history.is_ancestor(deep, side)
    assert not history.is_ancestor(second, deep)
    assert not history.is_ancestor(deep, second)
    assert not history.is_ancestor("0" * 40, late)
    assert [history.position(commit) for commit in (first, second, side, deep, merge)] == [1, 2, 3, 3, 3]
    assert [history.base(commit) for commit in (side, deep, merge)] == [1, 1, 3]


def test_what_a_commit_says_of_itself_cannot_deceive_a_screen(product: Repository) -> None:
    product.commit("Fine\x1b[2J \u202egnp.exe" + "x" * 100, {})
    shown = str(History(product.root).commits[product.git("rev-parse", "HEAD")])
    assert shown.isprintable()
    assert len(shown) < 70


@pytest.mark.parametrize("commit", ["none", "--all", "HEAD:README.md", "HEAD^{tree}", "-h", "", "HEAD~9"])
def test_a_commit_that_is_none_is_refused(product: Repository, commit: str) -> None:
    with pytest.raises(HistoryError, match="has no commit") as caught:
        History(product.root, commit)
    assert caught.value.fix


def test_a_folder_without_a_history_is_refused(tmp_path: Path, people: People) -> None:
    with pytest.raises(HistoryError, match="not the top folder"):
        History(tmp_path)
    with pytest.raises(HistoryError, match="has no commit"):
        History(Repository(tmp_path / "empty", people).root)
    (tmp_path / ".git").write_text("no such thing")
    with pytest.raises(HistoryError, match="Git cannot read the repository"):
        History(tmp_path)


def test_a_shallow_clone_is_refused_with_its_fix(product: Repository, tmp_path: Path) -> None:
    product.git("clone", "--quiet", "--depth=1", f"file://{product.root}", str(tmp_path / "shallow"))
    with pytest.raises(HistoryError, match="shallow") as caught:
        History(tmp_path / "shallow")
    assert "fetch-depth: 0" in caught.value.fix
    (tmp_path / "shallow/.git/shallow").unlink()
    with pytest.raises(HistoryError):
        accepted(tmp_path / "shallow")


def test_a_clone_without_its_files_is_refused(product: Repository, tmp_path: Path) -> None:
    product.git("config", "uploadpack.allowFilter", "true")
    product.git("clone", "--quiet", "--no-checkout", "--filter=blob:none", f"file://{product.root}", str(tmp_path / "partial"))  # fmt: skip
    with pytest.raises(HistoryError, match="is not there") as caught:
        accepted(tmp_path / "partial")
    assert "--filter" in caught.value.fix


def test_a_second_work_tree_and_a_packed_clone_are_read_alike(product: Repository, tmp_path: Path) -> None:
    product.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "second"))
    product.git("clone", "--quiet", "--no-local", str(product.root), str(tmp_path / "packed"))
    product.git("clone", "--quiet", "--shared", str(product.root), str(tmp_path / "shared"))
    for name in ("second", "packed", "shared"):
        assert accepted(tmp_path / name)
        assert History(tmp_path / name).uncommitted(["access"]) == []


def test_a_repository_that_belongs_to_somebody_else_is_read(product: Repository) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    for folder, _, files in os.walk(product.root):
        for name in (".", *files):
            os.lchown(Path(folder) / name, 12345, 12345)
    assert accepted(product.root)


# Nothing else is believed


def test_a_replaced_commit_counts_as_it_was(product: Repository) -> None:
    forged = product.commit("Widen", {PATH: agreement("approved", "everything")})
    good = product.git("rev-parse", "HEAD~")
    product.git("replace", forged, good)
    assert not accepted(product.root)
    product.git("replace", "--delete", forged)
    product.git("reset", "--quiet", "--hard", good)
    product.git("replace", good, forged)
    assert accepted(product.root)


def test_grafts_and_a_forged_commit_graph_change_no_history(product: Repository, people: People) -> None:
    product.commit("Name Eve", {APPROVERS: people.approvers("ada", "eve")})
    commit = product.commit("Approve", {PATH: agreement("approved", "everything")}, signed="eve")
    eve = product.made(f"{commit}^{{tree}}", [])
    (product.root / ".git/info").mkdir(exist_ok=True)
    (product.root / ".git/info/grafts").write_text(f"{commit} {eve}\n")
    product.git("-c", "advice.graftFileDeprecated=false", "commit-graph", "write", "--reachable")
    assert not accepted(product.root)


def test_programs_in_the_configuration_do_not_run(
    product: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap, program = tmp_path / "trap", tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 $* >> {trap}\ncat\n")
    program.chmod(0o755)
    product.commit("Attributes", {".gitattributes": "* filter=evil diff=evil text=auto eol=crlf\n"})
    for key in (
        "gpg.program", "gpg.ssh.program", "gpg.x509.program", "gpg.ssh.defaultKeyCommand", "core.fsmonitor", "core.sshCommand",
        "core.pager", "core.alternateRefsCommand", "diff.external", "diff.evil.textconv", "diff.evil.command", "filter.evil.clean",
        "filter.evil.smudge", "filter.evil.process", "credential.helper", "core.gitProxy", "alias.cat-file", "alias.rev-parse",
    ):  # fmt: skip
        product.git("config", key, str(program))
    for key, value in (
        ("core.hooksPath", str(tmp_path)), ("core.repositoryFormatVersion", "1"), ("extensions.partialClone", "evil"),
        ("remote.evil.promisor", "true"), ("remote.evil.url", str(product.root)), ("remote.evil.uploadpack", str(program)),
        ("gpg.ssh.allowedSignersFile", "/dev/null"), ("log.showSignature", "true"), ("core.worktree", "/"),
    ):  # fmt: skip
        product.git("config", key, value)
    trap.unlink(missing_ok=True)
    for key in ("GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(key, "/nowhere")
    for key in ("GIT_LITERAL_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_GLOB_PATHSPECS"):
        monkeypatch.setenv(key, "1")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(program))
    assert accepted(product.root)
    assert History(product.root).uncommitted(["access", "README.md"]) == []
    (product.root / ".git/refs/heads/main").write_text("1" * 40 + "\n")
    with pytest.raises(HistoryError):
        accepted(product.root)
    assert not trap.exists(), trap.read_text()


def tree(product: Repository, *entries: tuple[str, str, str]) -> str:
    """A tree as it is given, which git itself would not make."""
    raw = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(object) for mode, name, object in entries)
    return product.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", feed=raw)


def test_a_tree_that_can_be_read_in_two_ways_is_refused(product: Repository) -> None:
    good = product.git("rev-parse", "HEAD:access")
    product.write({PATH: agreement("approved", "everything")})
    product.git("add", "--all")
    evil = product.git("rev-parse", f"{product.git('write-tree')}:access")
    for entries in (
        [("40000", "access", good), ("40000", "access", evil)],
        [("40000", "access", evil), ("40000", "access", good)],
        [("40000", "zz", evil), ("40000", "access", good)],
        [("40000", "access", evil), ("100644", "a", product.git("rev-parse", "HEAD:README.md"))],
    ):
        commit = product.made(tree(product, *entries), [product.git("rev-parse", "main")])
        product.git("update-ref", "refs/heads/odd", commit)
        try:
            found = approval(History(product.root, commit), PATH, ("owner",), BO)
            text = History(product.root, commit).read(PATH)
        except HistoryError as error:
            assert error.fix
        else:
            assert found.accepted == (text == agreement("approved")), entries


@pytest.mark.parametrize(
    "raw",
    [
        b"parent {parent}\ntree {tree}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nx",
        b"author a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nx",
        b"tree {tree}\nparent {tree}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nx",
        b"tree {parent}\nparent {parent}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nx",
        b"tree {tree}\nparent " + b"1" * 40 + b"\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nx",
        b"tree {tree}\nparent --batch\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nx",
        b"tree {tree}\n" + b"parent {parent}\n" * 25_000 + b"author a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nx",
        b"",
    ],
    ids=["order", "no tree", "parent is a tree", "tree is a commit", "gone", "option", "parents", "empty"],
)  # fmt: skip
def test_a_malformed_commit_is_refused(product: Repository, raw: bytes) -> None:
    names = {b"{tree}": "HEAD^{tree}", b"{parent}": "HEAD"}
    for mark, name in names.items():
        raw = raw.replace(mark, product.git("rev-parse", name).encode())
    commit = product.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", feed=raw)
    (product.root / ".git/refs/heads/odd").write_text(f"{commit}\n")
    with pytest.raises(HistoryError) as caught:
        approval(History(product.root, "odd"), PATH, ("owner",), BO)
    assert caught.value.fix


def test_a_long_message_stops_nobody_and_approves_nothing(product: Repository) -> None:
    (product.root / "long").write_text("x" * 1_100_000)
    product.git("commit", "--quiet", "--allow-empty", "-F", "long")
    assert accepted(product.root)
    product.commit("Ask", {PATH: agreement(role="writer")})
    product.write({PATH: agreement("approved", "writer"), "long": "x" * 1_100_000})
    product.git("add", PATH)
    product.git(*product.signing("ada"), "commit", "--quiet", "-F", "long")
    found = approval(History(product.root), PATH, ("owner",), BO)
    assert "is larger than" in found.reasons[0]


def test_no_process_and_no_folder_is_left(product: Repository) -> None:
    history = History(product.root)
    assert history.read(PATH)
    approval(history, PATH, ("owner",), BO)
    place, reader = Path(history._objects._place.name), history._objects._reader
    assert place.exists()
    assert reader is not None
    del history
    gc.collect()
    assert not place.exists()
    assert reader.returncode is not None


# Keys


def _text(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def key(kind: str, *fields: bytes) -> str:
    import base64

    blob = b"".join(map(_text, (kind.encode(), *fields)))
    return f"{kind} {base64.b64encode(blob).decode()}"


ED, POINT = bytes(range(32)), b"\4" + bytes(range(64))
MODULUS = b"\0" + b"\xc1" * 384


def problems(*entries: dict[str, str]) -> list[str]:
    import yaml

    value = {"apiVersion": "meshwright/v1", "kind": "Approvers", "approvers": list(entries)}
    document = parse(APPROVERS, yaml.safe_dump(value))
    shape = [problem.detail for problem in misshapen(document, schema.approvers)]
    return shape or [detail for _, detail, _ in unsound(document)]


def entry(key: str, email: str = "ada@example.org", capacity: str = "owner") -> dict[str, str]:
    return {"name": "Ada Example", "email": email, "capacity": capacity, "key": key}


@pytest.mark.parametrize(
    "good",
    [
        key("ssh-ed25519", ED) + " ada@example.org, her laptop",
        key("sk-ssh-ed25519@openssh.com", ED, b"ssh:"),
        key("sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", POINT, b"ssh:"),
        key("ecdsa-sha2-nistp256", b"nistp256", POINT),
        key("ssh-rsa", b"\1\0\1", MODULUS),
    ],
)
def test_keys_that_count(good: str) -> None:
    assert problems(entry(good)) == []


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (key("ssh-rsa", b"\1\0\1", MODULUS[:257]), "2048 bits"),
        (key("ssh-rsa", b"\1", MODULUS), "exponent"),
        (key("ssh-rsa", b"\2", MODULUS), "exponent"),
        (key("ssh-rsa", b"\1\0\1", b"\0" + MODULUS), "cannot be read"),
        (key("ssh-rsa", b"\1\0\1", b"\xc1" * 384), "cannot be read"),
        (key("ssh-rsa", b"\1\0\1", b"\0" * 1000 + b"\1"), "cannot be read"),
        (key("ssh-dss", ED), "not an accepted type of key"),
        (key("ssh-ed25519-cert-v01@openssh.com", ED), "not an accepted type of key"),
        (key("ssh-ed25519", ED[:31]), "cannot be read"),
        (key("ssh-ed25519", ED, b"more"), "cannot be read"),
        (key("ecdsa-sha2-nistp384", b"nistp256", POINT), "cannot be read"),
        (key("ecdsa-sha2-nistp256", b"nistp256", b"\2" + POINT[1:33]), "cannot be read"),
        (key("ssh-rsa", ED).replace("ssh-rsa", "ssh-ed25519"), "another type"),
        (key("ssh-ed25519", ED)[:-4], "cannot be read"),
        (key("ssh-ed25519", ED) + "====", "cannot be read"),
        ("ssh-ed25519 AAAA", "cannot be read"),
        ("ssh-ed25519", "approvers.0.key"),
        ('namespaces="file" ' + key("ssh-ed25519", ED), "approvers.0.key"),
        ("cert-authority " + key("ssh-ed25519", ED), "approvers.0.key"),
        (key("ssh-ed25519", ED) + "\n" + key("ssh-ed25519", ED[::-1]), "approvers.0.key"),
        (key("ssh-ed25519", ED) + "\n", "approvers.0.key"),
        (key("ssh-ed25519", ED) + " a\u2028b", "approvers.0.key"),
        (key("ssh-ed25519", ED) + "\r", "approvers.0.key"),
    ],
)
def test_keys_that_do_not_count(bad: str, says: str) -> None:
    assert any(says in problem for problem in problems(entry(bad))), problems(entry(bad))


def test_every_person_and_every_key_stands_there_once() -> None:
    one, two = key("ssh-ed25519", ED), key("ssh-ed25519", ED[::-1])
    assert problems(entry(one), entry(two, "dan@example.org")) == []
    assert "is listed twice" in problems(entry(one), entry(two, "ADA@example.org", "steward"))[0]
    assert (
        "has the same key as ada@example.org"
        in problems(entry(one), entry(f"{one} two", "dan@example.org"))[0]
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "аda@example.org"},  # Cyrillic
        {"email": "ada@example.org "},
        {"email": "ada"},
        {"capacity": "Owner"},
        {"capacity": ""},
        {"name": ""},
        {"until": "2030-01-01"},
    ],
)
def test_the_shape_of_an_approver_is_strict(wrong: dict[str, str]) -> None:
    assert problems(entry(key("ssh-ed25519", ED)) | wrong)
