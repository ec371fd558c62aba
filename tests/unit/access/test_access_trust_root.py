"""The root of trust: how it is lost by a foxtrot merge and found again, and how a new one is made when all keys are lost."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from checkout import ROOT
from shared_product import AGREEMENT, SharedProduct
from signed import APPROVERS, BO, PATH, People, Repository, agreement

from meshwright.access.approval import approval
from meshwright.core.git_history import History

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def shared(make: Make, people: People, tmp_path: Path) -> SharedProduct:
    shared = SharedProduct(Path(shutil.copytree(make("departures"), tmp_path / "departures")), people)
    shared.publish()
    shared.agree()
    shared.access("apply", "--directory", str(shared.root / "access/directory.yaml"), "--first")
    return shared


def shell(product: Repository, commands: str) -> None:
    """Runs commands as they are printed, or documented."""
    identity = {"GIT_AUTHOR_NAME": "Dan", "GIT_AUTHOR_EMAIL": "dan@example.org", "GIT_COMMITTER_NAME": "Dan", "GIT_COMMITTER_EMAIL": "dan@example.org", "GIT_EDITOR": "true"}  # fmt: skip
    done = subprocess.run(["sh", "-ec", commands], cwd=product.root, env={**identity, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_foxtrot_merge_is_named_and_undone_as_printed(tmp_path: Path, people: People) -> None:
    product = Repository(tmp_path / "product", people)
    born = product.commit("Born", {"README.md": "x\n"})
    product.commit("Name approvers", {APPROVERS: people.approvers("ada"), PATH: agreement()})
    product.commit("Approve", {PATH: agreement("approved")}, signed="ada")
    product.branch("work", born)
    product.commit("Work", {"work.md": "x\n"})
    product.merge("main")
    product.git("branch", "--force", "main", "work")
    product.switch("main")
    found = approval(History(product.root), PATH, ("owner",), BO)
    assert not found.accepted
    assert "a foxtrot merge" in found.reasons[0]
    printed = re.search(r"git reset --hard \S+ && git merge --no-ff \S+", found.reasons[0])
    assert printed
    shell(product, printed[0])
    assert approval(History(product.root), PATH, ("owner",), BO).accepted
    assert (product.root / "work.md").exists()


def documented() -> str:
    """The commands of the how-to for a new root of trust."""
    text = (ROOT / "docs/how-to/grant-access.md").read_text()
    section = text[text.index("## When all keys are lost") :]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block
    return block[1]


@pytest.mark.slow
def test_a_new_root_of_trust_is_an_alarm_until_somebody_confirms_it(
    shared: SharedProduct, people: People
) -> None:
    product, directory = shared.repository, str(shared.root / "access/directory.yaml")
    before = product.git("rev-parse", "main")
    product.write({APPROVERS: people.approvers("dan")})
    shell(product, documented().replace("git push", ": git push"))
    assert product.git("merge-base", "--is-ancestor", before, "main") == "", "no force push is needed"
    refused = shared.access("apply", "--directory", directory, code=1)
    assert "a new root of trust" in refused
    tokens = re.findall(r"--confirm (\w+)", refused)
    assert len(tokens) == 2
    shared.access("apply", "--directory", directory, "--confirm", tokens[0], code=1)
    confirmed = [part for token in tokens for part in ("--confirm", token)]
    applied = shared.access("apply", "--directory", directory, *confirmed)
    assert f"agreement {AGREEMENT}" in applied.split("Not granted")[1]
    for option, value in {"gpg.format": "ssh", "user.signingKey": str(people.make("dan")), "user.email": "dan@example.org"}.items():  # fmt: skip
        product.git("config", option, value)
    printed = shared.access("approve", AGREEMENT)
    assert "is set back to `status: requested`" in printed
    product.commit("Ask again", {}, by="bo")
    shared.access("approve", AGREEMENT)
    product.commit("Approve", {}, signed="dan")
    found = approval(History(product.root), f"access/agreements/{AGREEMENT}.yaml", (), frozenset())
    assert found.signers == ("dan@example.org (data-protection)",)
