"""What is printed where an extra is missing installs it, from wherever the package came."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from checkout import ROOT, git

from meshwright.core import install

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GIT = {"url": "https://git.example.org/meshwright", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
PINNED = f"meshwright[access,catalog] @ git+https://git.example.org/meshwright@{COMMIT}"


@pytest.mark.parametrize(
    ("source", "prefix", "pip", "expected"),
    [
        (GIT, "/venv", True, [sys.executable, "-m", "pip", "install", PINNED]),
        (GIT, "/venv", False, ["uv", "pip", "install", "--python", sys.executable, PINNED]),
        (GIT, "/cache/uv/archive-v0/x1", False, ["uv", "tool", "run", "--from", PINNED, "meshwright", "map", "a b"]),
        (GIT, "/share/uv/tools/meshwright", False, ["uv", "tool", "run", "--from", PINNED, "meshwright", "map", "a b"]),
        (
            {"url": "file:///src/mesh%20wright", "dir_info": {"editable": True}}, "/venv", True,
            [sys.executable, "-m", "pip", "install", "--editable", "/src/mesh wright[access,catalog]"],
        ),
        (
            {"url": "file:///src/mesh", "dir_info": {}}, "/venv", True,
            [sys.executable, "-m", "pip", "install", "/src/mesh[access,catalog]"],
        ),
        (
            {"url": "https://files.example.org/meshwright.whl", "archive_info": {}}, "/venv", True,
            [sys.executable, "-m", "pip", "install", "meshwright[access,catalog] @ https://files.example.org/meshwright.whl"],
        ),
        (None, "/venv", True, [sys.executable, "-m", "pip", "install", "meshwright[access,catalog]==1.2.3"]),
    ],
)  # fmt: skip
def test_the_command_names_where_the_package_came_from(
    source: object, prefix: str, pip: bool, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Installed:
        version = "1.2.3"

        def read_text(self, name: str) -> str | None:
            return json.dumps(source) if name == "direct_url.json" and source else None

    monkeypatch.setattr(metadata, "distribution", lambda name: Installed())
    monkeypatch.setattr(install, "find_spec", lambda name: pip or None)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "argv", ["/x/meshwright", "map", "a b"])
    assert shlex.split(install.install_command("access", "catalog")) == expected


def test_no_module_prints_a_requirement_of_its_own() -> None:
    for path in (ROOT / "hooks").rglob("*.py"):
        assert "pip install 'meshwright" not in path.read_text("utf-8"), path


@pytest.mark.slow
def test_the_printed_command_works_after_uvx(template: Path, tmp_path: Path) -> None:
    uv = shutil.which("uv") or str(ROOT / "build/uv/bin/uv")
    source = f"meshwright @ git+{template.as_uri()}@{git('rev-parse', 'HEAD', cwd=template).strip()}"
    (tmp_path / "none.json").write_text("[]\n")
    command = [uv, "tool", "run", "--from", source, "meshwright", "map", "none.json", "--format", "html"]
    without = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert without.returncode == 2 and "which is not installed" in without.stderr, without.stderr
    (printed,) = [line for line in without.stderr.splitlines() if "fix: " in line]
    environment = {**os.environ, "PATH": f"{Path(uv).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        shlex.split(printed.partition("fix: ")[2]),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and (tmp_path / "mesh.html").is_file(), done.stderr
