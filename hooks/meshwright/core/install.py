"""Return how to install an extra of this package, from the source that the package was installed from."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

NAME = "meshwright"


def install_command(*extras: str) -> str:
    """Return the command that adds extras to this environment, or that runs the current command with them.

    The package is not on PyPI. The requirement names the repository and the commit, or the folder, that it was
    installed from, as pip and uv record it (PEP 610).
    """
    requirement, is_editable = _requirement(extras)
    # A program that uv starts finds uv in the variable UV, even where it is not on the path.
    uv = "uv" if shutil.which("uv") else os.environ.get("UV", "uv")
    if is_temporary():
        return shlex.join([uv, "tool", "run", "--from", requirement, NAME, *sys.argv[1:]])
    editable = ["--editable"] if is_editable else []
    if find_spec("pip"):
        return shlex.join([sys.executable, "-m", "pip", "install", *editable, requirement])
    return shlex.join([uv, "pip", "install", "--python", sys.executable, *editable, requirement])


def _requirement(extras: tuple[str, ...]) -> tuple[str, bool]:
    """Return the requirement with its extras, as pip takes it, and whether it is an editable folder."""
    from importlib.metadata import PackageNotFoundError, distribution

    name = f"{NAME}[{','.join(extras)}]"
    try:
        installed = distribution(NAME)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return name, False
    source = json.loads(installed.read_text("direct_url.json") or "{}")
    url = str(source.get("url", ""))
    if not url:
        return f"{name}=={installed.version}", False  # from an index, so the extras are there, too
    if "dir_info" in source:
        folder = url2pathname(urlsplit(url).path) if os.name == "nt" else unquote(urlsplit(url).path)
        return f"{folder}[{','.join(extras)}]", bool(source["dir_info"].get("editable"))
    return f"{name} @ {_address(url, source)}", False


def _address(url: str, source: dict[str, Any]) -> str:
    vcs = source.get("vcs_info")
    if not isinstance(vcs, dict):
        return url
    return f"{vcs.get('vcs', 'git')}+{url}@{vcs.get('commit_id') or vcs.get('requested_revision')}"


def is_temporary() -> bool:
    """Return True if uv made this environment for one command (uvx) or one tool: additions would be lost."""
    parts = sys.prefix.replace("\\", "/").split("/")
    return bool({"archive-v0", "environments-v2", "builds-v0"} & {*parts}) or parts[-3:-1] == ["uv", "tools"]
