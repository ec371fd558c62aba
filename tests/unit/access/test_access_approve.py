"""`meshwright access approve`: what it prints works as it is printed, for SSH and for GPG, and it says whose key is not listed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from signed import APPROVERS, BO, PATH, People, Repository

from meshwright.access.approval import Approval, approval, approvers, authorised
from meshwright.access.column_classifications import lowest_levels
from meshwright.access.product_access import PARTS
from meshwright.cli import main
from meshwright.core.git_history import History

POLICY, SPEC, CONTRACT, TESTS = (
    "access/policy.yaml",
    "data-product.yaml",
    "contract.odcs.yaml",
    "access/tests.yaml",
)
REGO = "access/rego/product.rego"
REQUEST = {
    "apiVersion": "v0.9.0",
    "kind": "AccessAgreement",
    "id": "punctuality",
    "status": "requested",
    "description": {"purpose": "How punctual the airlines were."},
    "provider": {"dataProductId": "airport-operations/departures"},
    "consumer": {"teamId": "customer-experience"},
    "roles": [{"role": "reader"}],
    "startTimestamp": "2026-01-01T00:00:00Z",
    "endTimestamp": "2026-06-30T00:00:00Z",
    "customProperties": [
        {"property": "principal", "value": "group:analysts"},
        {"property": "requester", "value": "bo@example.org"},
    ],
}


def spec(port: str = "lake") -> str:
    parts = {
        "access": {"policy": POLICY},
        "dataset": {"name": "flights", "contract": CONTRACT},
        "outputs": [{"name": port}],
    }
    return yaml.safe_dump({"metadata": {"name": "departures", "domain": "airport-operations"}, "spec": parts})


def contract(level: str = "confidential") -> str:
    column = {"name": "tail_number", "logicalType": "string", "classification": level}
    return yaml.safe_dump({"schema": [{"name": "flights", "properties": [column]}]})


FILES = {
    POLICY: "roles: {}\n",
    SPEC: spec(),
    CONTRACT: contract(),
    "README.md": "x\n",
    PATH: yaml.safe_dump(REQUEST),
}


@pytest.fixture(scope="module", params=["ssh", "gpg"])
def people(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"), request.param)


@pytest.fixture
def product(people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A product whose work tree is Ada's: git signs with her key."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GNUPGHOME", str(people.gnupg))
    product = Repository(tmp_path / "product", people)
    product.commit("Born", {**FILES, APPROVERS: people.approvers("ada", "dan")}, by="ada")
    works_as(product, "ada")
    return product


def works_as(product: Repository, name: str) -> None:
    people = product.people
    ssh = people.kind == "ssh"
    key = str(people.make(name).with_suffix(".pub")) if ssh else people.fingerprints[name]
    for option, value in {"user.name": name, "user.email": f"{name}@example.org", "gpg.format": "ssh" if ssh else "openpgp", "user.signingKey": key}.items():  # fmt: skip
        product.git("config", option, value)


def approve(product: Repository, *what: str, code: int = 0, verb: str = "approve") -> str:
    done = CliRunner().invoke(main, ["access", verb, *what, "--product", str(product.root)])
    assert done.exit_code == code, done.output
    return done.output


def follow(product: Repository, what: str, verb: str = "approve") -> None:
    """Runs the commands that are printed, word for word."""
    for line in approve(product, what, verb=verb).splitlines():
        if line.startswith("  meshwright access approve "):
            follow(product, line.split()[-1])
        elif line.startswith("  "):
            done = subprocess.run(["sh", "-c", line], cwd=product.root, capture_output=True, text=True)
            assert done.returncode == 0, f"{line}\n{done.stderr}"


def found(product: Repository, *needed: str) -> Approval:
    return approval(History(product.root), PATH, needed or ("owner",), BO)


def test_an_agreement_by_its_name_and_by_its_path(product: Repository) -> None:
    follow(product, "punctuality")
    assert found(product).accepted
    assert "approvedBy" in (product.root / PATH).read_text()
    works_as(product, "dan")
    follow(product, PATH)
    assert found(product, "owner", "data-protection").accepted
    listed = yaml.safe_load((product.root / PATH).read_text())["customProperties"][-1]["value"]
    assert listed == ["ada@example.org", "dan@example.org"]
    assert "has approved" in approve(product, "punctuality", code=2)


OTHER = "access/agreements/delays.yaml"


def test_several_agreements_are_approved_in_one_signed_commit(product: Repository) -> None:
    product.commit("Ask for delays", {OTHER: yaml.safe_dump({**REQUEST, "id": "delays"})})
    before = product.git("rev-list", "--count", "HEAD")
    printed = approve(product, "punctuality", "delays", PATH)
    (line,) = [line for line in printed.splitlines() if "commit -S" in line]
    subprocess.run(["sh", "-c", line], cwd=product.root, capture_output=True, check=True)
    assert int(product.git("rev-list", "--count", "HEAD")) == int(before) + 1
    for path in (PATH, OTHER):
        assert approval(History(product.root), path, ("owner",), BO).accepted


@pytest.mark.parametrize("last", ["nothing", POLICY, "delays"])
def test_of_several_none_is_approved_if_one_cannot_be(product: Repository, last: str) -> None:
    product.commit("I say so", {OTHER: yaml.safe_dump({**REQUEST, "id": "delays", "status": "approved"})})
    printed = approve(product, "punctuality", last, code=2)
    assert last in printed
    assert not product.git("status", "--porcelain")


def test_what_somebody_else_set_to_approved_is_asked_for_again_and_approved(product: Repository) -> None:
    product.commit("I say so", {PATH: yaml.safe_dump({**REQUEST, "status": "approved"})})
    assert "is set back to `status: requested`" in approve(product, "punctuality")
    product.git("checkout", "--quiet", PATH)
    follow(product, "punctuality")
    assert found(product).accepted


def test_what_is_not_committed_is_not_approved(product: Repository) -> None:
    product.write({PATH: yaml.safe_dump({**REQUEST, "roles": [{"role": "everything"}]})})
    printed = approve(product, "punctuality", code=2)
    assert "an approval is about what was requested" in printed
    assert f"git add {PATH} && git commit" in printed


CHANGES: dict[str, str | None] = {
    POLICY: "roles: {reader: {}}\n",
    SPEC: spec("elsewhere"),
    CONTRACT: contract("public"),
    TESTS: "tests: []\n",
    REGO: "package product.access\n",
}


def counts(product: Repository, path: str, text: str | None) -> bool:
    history = History(product.root)
    if path == CONTRACT:
        return lowest_levels(history, CONTRACT).levels == {"tail_number": "public"}
    if path == APPROVERS:
        return any(one.email == "eve@example.org" for one in approvers(history))
    return authorised(history, path, PARTS if path == SPEC else ()).text == text


@pytest.mark.parametrize("path", [*CHANGES, APPROVERS])
def test_a_change_that_somebody_proposed_is_taken_on_main_and_on_a_branch(
    product: Repository, path: str
) -> None:
    text = product.people.approvers("ada", "dan", "eve") if path == APPROVERS else CHANGES[path]
    before = product.git("rev-parse", "HEAD")
    product.commit("Propose", {path: text})
    assert not counts(product, path, text)
    follow(product, path)
    assert counts(product, path, text)
    assert "counts as it is" in approve(product, path, code=2)

    product.git("reset", "--quiet", "--hard", before)
    product.branch("proposal")
    product.commit("Propose", {path: text})
    follow(product, path)
    product.switch("main")
    product.commit("Meanwhile", {"README.md": "y\n"})
    product.merge("proposal")
    assert counts(product, path, text)


def test_an_approvers_own_change_is_signed_at_once(product: Repository) -> None:
    product.write({POLICY: "roles: {mine: {}}\n", TESTS: "tests: []\n"})
    for path in (POLICY, TESTS):
        follow(product, path)
    history = History(product.root)
    assert authorised(history, POLICY).text == "roles: {mine: {}}\n"
    assert authorised(history, TESTS).text == "tests: []\n"


def test_a_deletion_is_taken_like_any_change(product: Repository) -> None:
    product.write({TESTS: "tests: []\n"})
    follow(product, TESTS)
    product.commit("Delete", {TESTS: None})
    assert authorised(History(product.root), TESTS).text == "tests: []\n"
    follow(product, TESTS)
    assert authorised(History(product.root), TESTS).text is None


def test_a_key_that_is_not_listed_is_said_before_anything_is_written(product: Repository) -> None:
    works_as(product, "eve")
    before = (product.root / PATH).read_text()
    printed = approve(product, "punctuality", code=2)
    assert "which access/approvers.yaml does not have" in printed
    assert "Ada Example (ada@example.org, owner)" in printed
    assert "git config gpg.format" in printed
    assert (product.root / PATH).read_text() == before


def test_x509_is_said_to_count_for_nothing(product: Repository) -> None:
    product.git("config", "gpg.format", "x509")
    assert "approvers have keys of SSH or GPG" in approve(product, "punctuality", code=2)


def test_another_address_than_the_listed_one_is_put_right_in_the_command(product: Repository) -> None:
    product.git("config", "user.email", "ada@home.example.org")
    assert "git -c user.email=ada@example.org commit -S" in approve(product, "punctuality")
    product.git("checkout", "--quiet", PATH)
    follow(product, "punctuality")
    assert found(product).accepted


@pytest.mark.parametrize("setting", ["author.email", "GIT_AUTHOR_EMAIL"])
def test_an_authors_address_from_elsewhere_is_put_right_in_the_command(
    product: Repository, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if setting == "author.email":
        product.git("config", "author.email", "ada@home.example.org")
    else:
        monkeypatch.setenv("GIT_AUTHOR_EMAIL", "ada@home.example.org")
    assert f"{setting}=ada@example.org" in approve(product, "punctuality")
    product.git("checkout", "--quiet", PATH)
    follow(product, "punctuality")
    assert found(product).accepted


def test_a_confirmation_is_signed_as_an_approval_is(product: Repository) -> None:
    product.git("config", "author.email", "ada@home.example.org")
    follow(product, "punctuality", "review")
    path = "access/reviews/punctuality.yaml"
    assert authorised(History(product.root), path).text == (product.root / path).read_text()
    works_as(product, "eve")
    refused = approve(product, "punctuality", code=2, verb="review")
    assert "access/approvers.yaml does not have" in refused
    assert "x0a" not in refused, "a fix is one line"


def test_without_a_key_it_says_how_to_set_one_up(product: Repository) -> None:
    for option in ("user.signingKey", "gpg.format", "user.email"):
        product.git("config", "--unset", option)
    printed = approve(product, "punctuality")
    assert "git config gpg.format ssh && git config user.signingKey" in printed
    assert "git config gpg.format openpgp" in printed


@pytest.mark.parametrize("what", ["README.md", "access/other.yaml", "../x.yaml"])
def test_other_files_need_no_approval(product: Repository, what: str) -> None:
    printed = approve(product, f"./{what}", code=2)
    assert "Nobody has to approve" in printed
    assert POLICY in printed


def key_text(product: Repository, write: Callable[[str], str]) -> None:
    product.git("config", "user.signingKey", write(product.people.public("ada")))


def test_a_key_that_git_has_as_text_is_known(product: Repository) -> None:
    if product.people.kind == "ssh":
        key_text(product, lambda public: f"key::{public}")
    else:
        key_text(product, lambda _: "ada@example.org")
    assert "sign it as Ada Example" in approve(product, "punctuality")
