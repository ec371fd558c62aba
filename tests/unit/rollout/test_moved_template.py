"""A template that moved to another address: one step by hand, and `copier update` has no conflict; a rollout needs none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from checkout import ROOT, git
from mesh import Mesh, commit, replace, show, write
from products import BIN

HOOKS = """\
repos:
  - repo: {{ _copier_conf.src_path if _copier_answers is not defined else _copier_answers._src_path }}
    rev: v1
    hooks: [{id: meshwright}]
"""


def step(product: Path, old: str, new: str) -> None:
    """The commands of the page, word for word."""
    page = (ROOT / "docs/how-to/roll-out.md").read_text("utf-8")
    section = page.partition("## When the template moves")[2].partition("\n## ")[0]
    script = section.partition("```sh\n")[2].partition("```")[0]
    assert "git grep" in script and "copier update" in script
    lines = [line for line in script.splitlines() if not line.startswith("copier")]
    script = "\n".join(lines).replace("https://old.example.org/mesh.git", old).replace("https://new.example.org/mesh.git", new)  # fmt: skip
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=product, check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "edits"), [("", True), ("git+file://", False)], ids=["by path, edited", "by URL"]
)
def test_the_hook_and_its_version_change_at_once_without_a_conflict(
    mesh: Mesh, scheme: str, edits: bool
) -> None:
    hooks = mesh.template / "template/.pre-commit-config.yaml.jinja"
    write(hooks, HOOKS)
    git("tag", "--delete", "v1.1.0", cwd=mesh.template)
    mesh.release("v1.2.0")
    old = f"{scheme}{mesh.template}"
    product = mesh.folder / "moving"
    made = [BIN / "copier", "copy", "--defaults", "--quiet", "--vcs-ref", "v1.2.0", old, product]
    subprocess.run([str(part) for part in made], check=True, capture_output=True)
    git("init", "--quiet", "--initial-branch", "main", cwd=product)
    if edits:
        with (product / ".pre-commit-config.yaml").open("a") as file:
            file.write("  - repo: local\n    hooks: []\n")
    commit(product, "Ours")
    moved = mesh.folder / "elsewhere"
    mesh.template.rename(moved)
    replace(moved / "template/.pre-commit-config.yaml.jinja", "rev: v1", "rev: v2")
    git("commit", "--quiet", "--all", "--message", "v2", cwd=moved)
    git("tag", "v2.0.0", cwd=moved)
    new = f"{scheme}{moved}"
    mesh.products, mesh.template = ["moving"], moved
    code, found = mesh.rollout("apply", template=new, formerly=[old])
    assert (code, found["moving"]["state"]) == (0, "pushed"), found
    step(product, old, new)
    done = subprocess.run([BIN / "copier", "update", "--defaults", "--quiet"], cwd=product, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = (product / ".pre-commit-config.yaml").read_text()
    assert "<<<<" not in text and f"repo: {new}\n" in text and "rev: v2" in text
    assert ("repo: local" in text) == edits
    assert text == show(product, "meshwright/v2.0.0", ".pre-commit-config.yaml")
    assert old not in git("grep", "-h", "-e", "", "HEAD", cwd=product).replace(new, "")
