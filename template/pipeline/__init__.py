"""The product's pipeline: ingest, transform, verify, publish."""

from __future__ import annotations

import re
from pathlib import Path


def missing_file(error: BaseException) -> str:
    """Return the file of the pipeline that an import did not find; empty for other errors."""
    name = ""
    if isinstance(error, ModuleNotFoundError):
        name = error.name or ""
    elif isinstance(error, ImportError):  # `from pipeline import progress`
        match = re.match(r"cannot import name '(\w+)' from '([\w.]+)'", str(error))
        name = f"{match[2]}.{match[1]}" if match else ""
    package, _, module = name.partition(".")
    if package != __name__ or not module:
        return ""
    file = f"{module.replace('.', '/')}.py"
    return "" if any(Path(folder, file).exists() for folder in __path__) else f"{package}/{file}"


def restore(file: str) -> str:
    """Return how to restore a file of the pipeline."""
    return (
        f"Restore it with `git checkout HEAD -- {file}`. If it was deleted in a commit, "
        "`uvx prek run --all-files meshwright-check` prints the command."
    )
