"""GPG signatures: what counts as one of an approver's, and every way in which one does not."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from signed import APPROVERS, BO, PATH, People, Repository, agreement

from meshwright.access.approval import Approval, approval
from meshwright.core.git_history import History, HistoryError
from meshwright.core.yaml import parse
from meshwright.product.approvers import unsound


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    people = People(tmp_path_factory.mktemp("keys"), "none")
    for name in ("ada", "dan", "eve"):
        people.make_gpg(name)
    return people


@pytest.fixture
def product(tmp_path: Path, people: People) -> Repository:
    product = Repository(tmp_path / "product", people)
    product.commit("Born", {PATH: agreement(), APPROVERS: people.approvers("ada", "dan")})
    return product


def found(product: Repository, *needed: str) -> Approval:
    return approval(History(product.root), PATH, needed or ("owner",), BO)


def approve(product: Repository, name: str, *listed: str) -> None:
    product.commit("Approve", {PATH: agreement("approved", by=listed)}, signed=name)


def signed_by_hand(product: Repository, sign: Callable[[bytes], bytes]) -> None:
    """Commits an approval of Ada's whose signature is made by a function of the commit's text."""
    product.commit("Approve", {PATH: agreement("approved")}, by="ada")
    raw = subprocess.run(["git", "cat-file", "commit", "HEAD"], cwd=product.root, capture_output=True, check=True).stdout  # fmt: skip
    head, _, message = raw.partition(b"\n\n")
    folded = sign(raw).strip().replace(b"\n", b"\n ")
    text = head + b"\ngpgsig " + folded + b"\n\n" + message
    product.git(
        "reset", "--quiet", "--hard", product.git("hash-object", "-t", "commit", "-w", "--stdin", feed=text)
    )


def detached(product: Repository, name: str, *options: str) -> Callable[[bytes], bytes]:
    """A function that signs with somebody's key, with options of gpg."""
    people = product.people

    def sign(payload: bytes) -> bytes:
        key = people.fingerprints[name]
        return people.gpg("--armor", *options, "--local-user", key, "--detach-sign", feed=payload).encode()

    return sign


def refused(product: Repository, says: str) -> None:
    last = found(product)
    assert not last.accepted
    assert says in last.reasons[0], last.reasons[0]


def test_gpg_and_ssh_count_alike(product: Repository) -> None:
    approve(product, "ada", "ada")
    approve(product, "dan", "ada", "dan")
    last = found(product, "owner", "data-protection")
    assert (last.accepted, last.evidence) == (True, "signature")
    assert last.signers == ("dan@example.org (data-protection)", "ada@example.org (owner)")


def test_git_verifies_what_is_accepted(product: Repository) -> None:
    approve(product, "ada")
    product.git("-c", f"gpg.program={product.people.gnupg / 'gpg-here'}", "verify-commit", "HEAD")
    assert found(product).accepted


def test_a_key_that_nobody_listed_does_not_count(product: Repository) -> None:
    product.commit("Approve", {PATH: agreement("approved")}, signed="eve", by="ada")
    refused(
        product,
        f"is signed with the key {product.people.fingerprints['eve']} of GPG, and that was no approver's",
    )


def test_another_key_that_calls_itself_the_same_does_not_count(product: Repository) -> None:
    """The name and the address in a key are claims of whoever made it."""
    product.people.gpg("--pinentry-mode", "loopback", "--passphrase", "", "--quick-generate-key", "Ada Example <ada@example.org> (2)", "ed25519", "sign", "never")  # fmt: skip
    listed = product.people.gpg("--with-colons", "--list-keys", "(2)")
    twin = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
    signed_by_hand(product, lambda raw: product.people.gpg("--armor", "--local-user", twin, "--detach-sign", feed=raw).encode())  # fmt: skip
    refused(product, "that was no approver's")


@pytest.mark.parametrize("options", [(), ("--digest-algo", "SHA512")], ids=["as git does", "sha512"])
def test_a_signature_by_hand_counts_as_well(product: Repository, options: tuple[str, ...]) -> None:
    signed_by_hand(product, detached(product, "ada", *options))
    assert found(product).accepted


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--digest-algo", "SHA1"), "a signature over a weak hash"),
        (("--allow-weak-digest-algos", "--digest-algo", "RIPEMD160"), "a signature over a weak hash"),
        (("--textmode",), "cannot be read"),
    ],
    ids=["sha1", "ripemd", "text mode"],
)
def test_a_signature_of_a_kind_that_does_not_count(
    product: Repository, options: tuple[str, ...], says: str
) -> None:
    signed_by_hand(product, detached(product, "ada", *options))
    refused(product, says)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda sign: lambda raw: sign(raw + b" "), "made for another commit, or forged"),
        (lambda sign: lambda raw: joined(sign(raw), sign(raw)), "cannot be read"),
        (lambda sign: lambda raw: sign(raw).replace(b"PGP SIGNATURE", b"PGP MESSAGE"), "cannot be read"),
        (lambda sign: lambda raw: sign(raw) + sign(raw), "cannot be read"),
        (lambda sign: lambda raw: broken(sign(raw)), "cannot be read"),
        (
            lambda sign: lambda raw: b"-----BEGIN SIGNED MESSAGE-----\nabc\n-----END SIGNED MESSAGE-----",
            "X.509",
        ),
    ],
    ids=["another text", "twice in one block", "another armour", "two blocks", "checksum", "x509"],
)
def test_a_signature_that_is_not_quite_one(
    product: Repository, change: Callable[[Callable[[bytes], bytes]], Callable[[bytes], bytes]], says: str
) -> None:
    signed_by_hand(product, change(detached(product, "ada")))
    refused(product, says)


def joined(*blocks: bytes) -> bytes:
    """One armoured block with the signatures of several."""
    bodies = [block.split(b"\n\n", 1)[1].split(b"\n=")[0] for block in blocks]
    both = base64.encodebytes(b"".join(base64.b64decode(body) for body in bodies))
    return b"-----BEGIN PGP SIGNATURE-----\n\n" + both + b"-----END PGP SIGNATURE-----\n"


def broken(block: bytes) -> bytes:
    return re.sub(rb"\n=....", b"\n=AAAA", block)


def test_a_signing_subkey_counts_as_its_key(product: Repository) -> None:
    people, fingerprint = product.people, product.people.make_gpg("fay", "rsa3072")
    people.gpg("--pinentry-mode", "loopback", "--passphrase", "", "--quick-add-key", fingerprint, "ed25519", "sign", "never")  # fmt: skip
    product.commit("Name Fay", {APPROVERS: people.approvers("ada", "dan", "fay")}, signed="ada")
    approve(product, "fay")  # gpg takes the newest subkey
    raw = product.git("cat-file", "commit", "HEAD")
    assert "PGP SIGNATURE" in raw
    assert found(product).signers == ("fay@example.org (owner)",)


@pytest.fixture
def old_copy(people: People) -> Iterator[Callable[[], Path]]:
    """Copies everybody's keys as they are; gives a program that goes on with the copy."""
    homes: list[Path] = []

    def copy() -> Path:
        home = Path(tempfile.mkdtemp(prefix="mw-gpg-")) / "home"
        shutil.copytree(people.gnupg, home, ignore=shutil.ignore_patterns("S.*"))
        home.chmod(0o700)
        program = home / "gpg-here"
        program.write_text(f'#!/bin/sh\nexec gpg --homedir {home} --batch --no-tty "$@"\n')
        homes.append(home)
        return program

    yield copy
    for home in homes:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], capture_output=True, check=False)
        shutil.rmtree(home.parent)


def approve_with(product: Repository, name: str, program: Path) -> None:
    product.write({PATH: agreement("approved")})
    options = [*product.signing(name), "-c", f"gpg.program={program}"]
    product.git(*options, "commit", "--quiet", "--all", "-m", "Approve", by=name)


def test_a_key_that_was_revoked_does_not_count(product: Repository, old_copy: Callable[[], Path]) -> None:
    people, fingerprint = product.people, product.people.make_gpg("gil")
    program = old_copy()
    certificate = (people.gnupg / f"openpgp-revocs.d/{fingerprint}.rev").read_text()
    people.gpg("--import", feed=certificate[certificate.index(":-----BEGIN") + 1 :].encode())
    product.commit("Name Gil", {APPROVERS: people.approvers("ada", "gil")}, signed="ada")
    approve_with(product, "gil", program)
    refused(product, "is signed with a key that was revoked")


def test_a_key_counts_until_it_ends(
    product: Repository, old_copy: Callable[[], Path], tmp_path: Path
) -> None:
    people = product.people
    fingerprint = people.make_gpg(
        "hal", "ed25519", "20260301T000000", "--faked-system-time", "20260101T000000!"
    )
    product.commit("Name Hal", {APPROVERS: people.approvers("ada", "hal")}, signed="ada")
    program = old_copy()
    subprocess.run([program, "--passphrase", "", "--pinentry-mode", "loopback", "--quick-set-expire", fingerprint, "0"], check=True, capture_output=True)  # fmt: skip
    approve_with(product, "hal", program)
    refused(product, "is signed with a key that had expired")
    product.git("reset", "--quiet", "--hard", "HEAD~1")
    then = tmp_path / "gpg-then"
    then.write_text(f'#!/bin/sh\nexec {people.gnupg}/gpg-here --faked-system-time 20260201T000000! "$@"\n')
    then.chmod(0o755)
    approve_with(product, "hal", then)
    assert found(product).accepted, "it had not ended when it signed"


def test_without_gpg_nothing_is_decided(
    product: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    approve(product, "ada")
    for program in ("git", "ssh-keygen"):
        (tmp_path / program).symlink_to(shutil.which(program) or "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HistoryError, match="no gpg to verify") as caught:
        found(product)
    assert "Install GnuPG" in caught.value.fix


def test_no_home_and_no_agent_is_left(
    product: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    approve(product, "ada")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "none"))
    assert found(product).accepted
    assert list(tmp_path.glob("meshwright-gpg-*")) == []
    processes = [Path(f"/proc/{one}/cmdline") for one in os.listdir("/proc") if one.isdigit()]
    running = b"".join(path.read_bytes() for path in processes if path.exists())
    assert b"meshwright-gpg-" not in running


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (lambda people: people.gpg("--armor", "--export", weak(people)), "has 2048 bits"),
        (lambda people: people.gpg("--pinentry-mode", "loopback", "--passphrase", "", "--armor", "--export-secret-keys", people.fingerprints["eve"]), "It is a secret key"),
        (lambda people: people.gpg("--armor", "--export", *[people.fingerprints[name] for name in ("ada", "eve")]), "is not one public key"),
        (lambda people: people.public("eve").replace("\n=", "\n=A"), "cannot be read"),
        (lambda people: people.public("eve").replace("\n\n", "\n\nAAAA", 1), "cannot be read"),
    ],
    ids=["weak", "secret", "two", "checksum", "damaged"],
)  # fmt: skip
def test_a_key_that_cannot_be_listed(people: People, key: Callable[[People], str], says: str) -> None:
    lines = "".join(f"      {line}\n" for line in key(people).strip().splitlines())
    text = f"approvers:\n  - name: Eve\n    email: eve@example.org\n    capacity: owner\n    key: |\n{lines}"
    ((_, detail, fix),) = unsound(parse(APPROVERS, text))
    assert says in detail
    assert "gpg" in fix


def weak(people: People) -> str:
    return people.make_gpg("ivy", "rsa2048")
