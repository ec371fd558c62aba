"""The products of a mesh, as records: from their repositories, from a catalog, or from a file of records."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from meshwright.access import AGREEMENTS
from meshwright.check import ANSWERS, SPEC
from meshwright.document import Document, Unreadable, inside, read, read_text
from meshwright.git import GitError, run, text, without_credentials
from meshwright.record import API_VERSION, KIND, Record

SKIPPED = {".git", ".venv", "build", "node_modules", "template", "blueprints"}
"""Folders in which no product of a mesh is looked for."""
DEPTH = 3
"""How many folders deep a repository may lie below the one that is named."""


def records(sources: Sequence[str]) -> list[Record]:
    """The products of every source, each once, by id: a repository, a folder of repositories, a file of records (a JSON
    list, or an object a line), or a catalog's http(s) address. Raises Unreadable."""
    found: list[Record] = []
    for source in sources:
        if source.startswith(("http://", "https://")):
            from meshwright.catalog.client import Catalog

            found += Catalog(source).records()
        elif Path(source).is_dir():
            roots = list(repositories(Path(source)))
            if not roots:
                raise Unreadable(
                    f"{source}: there is no {SPEC} in it or below.", "Name a product's repository."
                )
            found += map(of_repository, roots)
        else:
            found += _listed(Path(source))
    return sorted(found, key=lambda record: record.id)


def retired(sources: Sequence[str], ids: Collection[str]) -> dict[str, str]:
    """Those of the ids whose product one of the catalogs among the sources has taken out -> its successor, or nothing.
    Raises Unreadable."""
    found: dict[str, str] = {}
    for source in sources:
        if ids and source.startswith(("http://", "https://")):
            from meshwright.catalog.client import Catalog, Retired

            catalog = Catalog(source)
            asked = {id: catalog.get(id) for id in sorted(ids)}
            found |= {id: one.successor for id, one in asked.items() if isinstance(one, Retired)}
    return found


def repositories(folder: Path) -> Iterator[Path]:
    """The products' repositories in a folder: itself, or those up to DEPTH folders below."""
    if (folder / SPEC).is_file():
        yield folder
        return
    for here, folders, files in os.walk(folder):
        depth = len(Path(here).relative_to(folder).parts)
        if SPEC in files:
            yield Path(here)
            folders.clear()
        folders[:] = [] if depth >= DEPTH else sorted(set(folders) - SKIPPED)


def of_repository(root: Path, repository: str | None = None) -> Record:
    """The record of the product in a work tree; what cannot be read is told in `problem`. Never raises for the product.

    `repository`: its address, where git's remote `origin` does not say it.
    """
    problems: list[str] = []

    def load(path: Any) -> Document | None:
        if not isinstance(path, str):
            return None
        try:
            return read(root, path)
        except Unreadable as problem:
            problems.append(f"{path}:{problem.line}:{problem.column}: {problem}")
        return None

    spec = load(SPEC)
    contract, policy = (
        load(spec.get(place)) if spec else None for place in ("spec.dataset.contract", "spec.access.policy")
    )
    asked = [load(path.relative_to(root).as_posix()) for path in sorted((root / AGREEMENTS).glob("*.y*ml"))]
    value = of_documents(spec, contract, policy, [document for document in asked if document])
    if spec is not None:
        agreement = spec.get("spec.dataSharingAgreement.document")
        if isinstance(agreement, str) and inside(root, agreement):
            try:
                value["agreement"] = read_text(root, agreement)
            except Unreadable as problem:
                problems.append(f"{agreement}: {problem}")
    value |= _last_run(root, spec)
    value["source"] = origin(root, repository)
    fallback = f"unknown/{root.resolve().name}"
    return Record(value, root, "; ".join(problems), fallback)


def of_documents(
    spec: Document | None, contract: Document | None, policy: Document | None, agreements: Iterable[Document]
) -> dict[str, Any]:
    """The value of a record, as far as these say it."""
    parts = {"product": spec, "contract": contract, "policy": policy}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        **{part: document.value for part, document in parts.items() if document},
        "readers": list(_readers(agreements)),
    }


def _readers(agreements: Iterable[Document]) -> Iterator[dict[str, Any]]:
    for agreement in agreements:
        if agreement.get("status") != "approved":
            continue
        custom = {item.get("property"): item.get("value") for _, item in agreement.items("customProperties")}
        principals = custom.get("principal")
        reader = {
            "agreement": agreement.get("id"),
            "role": next((role.get("role") for _, role in agreement.items("roles")), None),
            "port": agreement.get("provider.outputPortId"),
            "principals": [principals] if isinstance(principals, str) else principals,
            "until": agreement.get("endTimestamp"),
            "team": agreement.get("consumer.teamId"),
            "consumer": agreement.get("consumer.dataProductId"),
        }
        yield {key: said for key, said in reader.items() if said is not None}


def _last_run(root: Path, spec: Document | None) -> dict[str, Any]:
    """What build/ says of the last run, if it was a run of this very product and version."""
    told: dict[str, Any] = {}
    version = spec.get("metadata.version") if spec else None
    run = _json(root / "build/run.json")
    levels = _json(root / "build/slis.json")
    name = f"{spec.get('metadata.domain')}/{spec.get('metadata.name')}" if spec else None
    if run.get("product") == name and run.get("version") == version and _is_time(run.get("startedAt")):
        checks = [check for check in run.get("checks", []) if isinstance(check, dict)]
        quality = {
            "startedAt": run["startedAt"],
            "outcome": run.get("outcome"),
            "problem": run.get("problem"),
            "contract": run.get("contract"),
            "rows": run.get("rowsOut"),
            "checks": len(checks),
            "failed": [check for check in checks if check.get("result") != "passed"][:100],
        }
        told["quality"] = {key: said for key, said in quality.items() if said is not None}
    if levels.get("product") == name and levels.get("version") == version:
        told["measurement"] = levels
    book = root / "build/addresses.yaml"
    if book.is_file():
        try:
            addresses = read(root, "build/addresses.yaml").value
        except Unreadable:
            addresses = {}
        told["addresses"] = {
            address: {**entry, "location": without_credentials(str(entry.get("location")))}
            for address, entry in (addresses.items() if isinstance(addresses, dict) else ())
            if isinstance(entry, dict)
        }
    return told


def origin(root: Path, repository: str | None = None) -> dict[str, str]:
    """Where a record of the work tree at `root` is made: address, branch and commit, and the template's version."""
    try:
        answers = read(root, ANSWERS).value
    except Unreadable:
        answers = {}
    answers = answers if isinstance(answers, dict) else {}
    source = {
        "repository": repository or _git(root, "config", "--get", "remote.origin.url"),
        "branch": _git(root, "symbolic-ref", "--quiet", "--short", "HEAD"),
        "commit": _git(root, "rev-parse", "--verify", "--quiet", "HEAD"),
        "template": str(answers.get("_src_path") or ""),
        "templateVersion": str(answers.get("_commit") or ""),
    }
    return {key: without_credentials(said) for key, said in source.items() if said}


def _git(root: Path, *arguments: str) -> str:
    """What git says of the repository at `root` itself, not of one around it; empty if it says nothing."""
    if not (root / ".git").exists():
        return ""
    try:
        return text(run(["git", "-C", str(root), *arguments], {}, ok=()).stdout).strip()
    except (GitError, OSError):
        return ""


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_time(said: Any) -> bool:
    try:
        return datetime.fromisoformat(said).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _listed(path: Path) -> list[Record]:
    try:
        raw = path.read_text("utf-8")
        values = (
            json.loads(raw)
            if raw.lstrip().startswith("[")
            else [json.loads(line) for line in raw.splitlines() if line]
        )
    except OSError as error:
        raise Unreadable(f"{path}: it cannot be read: {error.strerror}.", "Name a folder, a file or a catalog.") from error  # fmt: skip
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            f"{path}: it is no JSON: {error}", "Give a list of records, or one a line."
        ) from error
    if not all(isinstance(value, dict) for value in values):
        raise Unreadable(
            f"{path}: not every entry is a record.", "Take it from a catalog's /api/records, or from --format json."
        )  # fmt: skip
    return [Record(value) for value in values]
