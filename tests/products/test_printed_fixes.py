"""What a finding tells people to run is run, and the finding is gone."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from checkout import git
from products import BIN, Make, findings

GONE = [
    "pipeline/publish.py",
    "pipeline/sql.py",
    "pipeline/outputs/parquet.py",
    ".github/workflows/ci.yml",
    ".github/CODEOWNERS",
    ".pre-commit-config.yaml",
]
"""Files that the template and a capability bring."""
MISSED = {"TemplateFilesPresent", "CapabilityInstalled", "CiPresent", "OwnerReviews", "HookAtTemplateVersion"}


@pytest.fixture
def committed(make: Make) -> Path:
    product = make("fixed")
    git("init", "--quiet", "--initial-branch", "main", cwd=product)
    commit(product)
    return product


def commit(product: Path) -> None:
    git("add", "--all", cwd=product)
    git("commit", "--quiet", "--message", "Work", cwd=product)


def run(printed: str, product: Path) -> None:
    """Runs the commands in a fix, in order, with the copier of this environment."""
    commands = re.findall(r"`((?:uvx|git|uv) .+?)`", printed)
    assert commands, printed
    for command in commands:
        words = shlex.split(command)
        if words[0] == "uvx":
            words = [str(BIN / words[1]), *words[2:]]
        if words[:2] == ["git", "commit"]:
            words[1:1] = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
            words += ["--all", "--message", "Work"]  # whoever commits says what and why
        done = subprocess.run(words, cwd=product, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout, done.stderr)


@pytest.mark.slow
def test_the_printed_command_brings_files_back_and_touches_no_other(committed: Path) -> None:
    before = git("rev-parse", "HEAD^{tree}", cwd=committed)
    for file in GONE:
        (committed / file).unlink()
    commit(committed)  # gone from HEAD, too
    readme = (committed / "README.md").read_text("utf-8")
    (committed / "README.md").write_text(readme + "\nOurs.\n")
    found = findings(committed)
    assert {finding.rule for finding in found} == MISSED and len(found) == len(MISSED)
    for finding in found:
        run(finding.fix, committed)
    assert findings(committed) == []
    assert (committed / "README.md").read_text("utf-8") == readme + "\nOurs.\n"
    (committed / "README.md").write_text(readme)
    commit(committed)
    assert git("rev-parse", "HEAD^{tree}", cwd=committed) == before


@pytest.mark.slow
def test_the_printed_update_brings_a_capability_and_an_owner(committed: Path) -> None:
    spec = committed / "data-product.yaml"
    text = spec.read_text("utf-8").replace("ada@example.org", "grace@example.org")
    text = text.replace("uses: parquet@1", "uses: delta@1")
    spec.write_text(text, "utf-8")
    found = {finding.rule: finding for finding in findings(committed)}
    assert {*found} == {"CapabilityInstalled", "OwnerReviews"}
    for finding in found.values():
        run(finding.fix, committed)
    assert findings(committed) == []


def test_the_printed_block_puts_the_hook_back(committed: Path) -> None:
    file = committed / ".pre-commit-config.yaml"
    config = yaml.safe_load(file.read_text("utf-8"))
    first = config["repos"].pop(0)
    file.write_text(yaml.safe_dump(config), "utf-8")
    (finding,) = findings(committed)
    (printed,) = yaml.safe_load(finding.fix.partition("`repos`: ")[2])
    assert printed == first
