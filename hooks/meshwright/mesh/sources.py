"""Read the products of a mesh, as records: from their repositories, from a catalog, or from a file of records."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshwright.core.git import without_credentials
from meshwright.core.yaml import Document, Unreadable, inside, read, read_text, strict_json, valued
from meshwright.mesh.run_events import ObservedRead, RunEvent, observed_reads, run_event
from meshwright.product.files import ADDRESSES, AGREEMENTS, EVENTS, EXCEPTIONS, MEASURED, RUN, SPEC
from meshwright.product.record import PRODUCT, Record
from meshwright.product.record_builder import record_source, record_value

if TYPE_CHECKING:
    from meshwright.mesh.catalog_client import Catalog

SKIPPED = {".git", ".venv", "build", "node_modules", "template", "blueprints"}
"""Folders that are not searched for products."""
DEPTH = 3
"""Maximum depth of a repository below the given folder."""
PATIENCE = 10.0
"""Timeout for a catalog, in seconds."""
MANY = 1000
"""Maximum number of a product's agreements in a record."""


def records(sources: Sequence[str]) -> list[Record]:
    """Return the products of all sources, each once, by id. A source is a repository, a folder of repositories, a file of
    records (a JSON list, or one object a line), or a catalog's http(s) address. Raises Unreadable."""
    found: list[Record] = []
    for source in sources:
        if source.startswith(("http://", "https://")):
            found += _catalog(source).records()
        elif Path(source).is_dir():
            roots = list(repositories(Path(source)))
            if not roots:
                raise Unreadable(
                    f"{source}: it has no {SPEC}, and neither have its subfolders.",
                    "Give a product's repository.",
                )
            found += map(of_repository, roots)
        else:
            found += _listed(Path(source))
    return sorted(found, key=lambda record: record.id)


def retired(sources: Sequence[str], ids: Collection[str]) -> dict[str, str]:
    """Return those of the ids that a catalog among the sources has retired -> the successor, or empty.
    Raises Unreadable."""
    found: dict[str, str] = {}
    ids = [id for id in ids if re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", id)]  # a catalog has no other ids
    for source in sources:
        if ids and source.startswith(("http://", "https://")):
            from meshwright.mesh.catalog_client import Retired

            catalog = _catalog(source)
            answers = {id: catalog.get(id) for id in sorted(ids)}
            found |= {id: one.successor for id, one in answers.items() if isinstance(one, Retired)}
    return found


def observed(sources: Sequence[str]) -> list[ObservedRead]:
    """Return which products have read each other in their last runs: by the catalogs among the sources, and by the events
    that the last runs have left in repositories. Raises Unreadable."""
    reads, events = [], []
    for source in sources:
        if source.startswith(("http://", "https://")):
            reads += _catalog(source).observed()
        elif Path(source).is_dir():
            events += [event for root in repositories(Path(source)) for event in _last_events(root)]
    return sorted({*reads, *observed_reads(events)})


def _last_events(root: Path) -> Iterator[RunEvent]:
    """Yield the events of the last run of a product in a work tree; none that cannot be read."""
    reported = _json(root, RUN).get("lineage")
    run = reported.get("runId") if isinstance(reported, dict) else None
    if run is None or not inside(root, EVENTS):
        return
    with contextlib.suppress(Unreadable):
        for line in read_text(root, EVENTS).splitlines():
            with contextlib.suppress(Unreadable, ValueError):
                event = run_event(strict_json(line))
                if event.run == run:  # and not of a run before the product stopped to send them
                    yield event


def _catalog(address: str) -> Catalog:
    """Return a catalog for reading. The token in the environment is used only for the catalog in the environment."""
    from meshwright.mesh.catalog_client import Catalog
    from meshwright.mesh.catalog_variables import ADDRESS, TOKEN

    ours = address.rstrip("/") == os.environ.get(ADDRESS, "").rstrip("/")
    return Catalog(address, os.environ.get(TOKEN) if ours else None, patience=PATIENCE)


def repositories(folder: Path) -> Iterator[Path]:
    """Yield the repositories in a folder: the folder itself, or those up to DEPTH levels below."""
    if os.path.isfile(folder / SPEC):
        yield folder
        return
    for here, folders, files in os.walk(folder):
        depth = len(Path(here).relative_to(folder).parts)
        if SPEC in files:
            yield Path(here)
            folders.clear()
        folders[:] = [] if depth >= DEPTH else sorted(set(folders) - SKIPPED)


def of_repository(root: Path, repository: str | None = None) -> Record:
    """Return the record of the product in a work tree. `problem` says what cannot be read; the product never causes an error.

    `repository`: its address, if git's remote `origin` is not it.
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
    paths = sorted(path.relative_to(root).as_posix() for path in (root / AGREEMENTS).glob("*.y*ml"))
    if len(paths) > MANY:
        problems.append(f"{AGREEMENTS} has {len(paths)} files; only the first {MANY} are read.")
    agreements = [load(path) for path in paths[:MANY]]
    value = record_value(spec, contract, policy, [document for document in agreements if document])
    if spec is not None:
        agreement = spec.get("spec.dataSharingAgreement.document")
        if isinstance(agreement, str) and inside(root, agreement):
            try:
                value["agreement"] = read_text(root, agreement)
            except Unreadable as problem:
                problems.append(f"{agreement}: {problem}")
    if inside(root, EXCEPTIONS) and (excepted := load(EXCEPTIONS)):
        value["exceptions"] = excepted.get("exceptions")
    value |= _last_run(root, spec)
    value["source"] = record_source(root, repository)
    fallback = f"unknown/{root.resolve().name}"
    more = [f"and {len(problems) - 20} more"] if len(problems) > 20 else []
    return Record(value, root, "; ".join([*problems[:20], *more]), fallback)


def _last_run(root: Path, spec: Document | None) -> dict[str, Any]:
    """Return the results of the last run from build/, if it was a run of this product and version."""
    results: dict[str, Any] = {}
    version = spec.get("metadata.version") if spec else None
    levels = _json(root, MEASURED)
    name = f"{spec.get('metadata.domain')}/{spec.get('metadata.name')}" if spec else None
    run, quality = last_run(root)
    if quality and run.get("product") == name and run.get("version") == version:
        results["quality"] = quality
        if run.get("outcome") == "published" and isinstance(run.get("consumed"), dict):
            results["consumed"] = run["consumed"]
    if levels.get("product") == name and levels.get("version") == version:
        results["measurement"] = levels
    if inside(root, ADDRESSES):
        try:
            addresses = read(root, ADDRESSES).value
        except Unreadable:
            addresses = {}
        ports = (
            {f"{PRODUCT}{name}#{port.get('name')}" for _, port in spec.items("spec.outputs")}
            if spec
            else set()
        )
        results["addresses"] = {  # a registry can also have other products, and ports that were removed
            address: _without_credentials(entry)
            for address, entry in (addresses.items() if isinstance(addresses, dict) else ())
            if address in ports and isinstance(entry, dict) and isinstance(entry.get("location"), str)
        }
    return results


def _without_credentials(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of an address registry without what its locations have of credentials."""
    found = {**entry, "location": without_credentials(entry["location"])}
    if isinstance(entry.get("agreements"), dict):
        found["agreements"] = {
            id: {**one, "location": without_credentials(one["location"])}
            for id, one in entry["agreements"].items()
            if isinstance(one, dict) and isinstance(one.get("location"), str)
        }
    return found


def last_run(root: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the content of build/run.json, and its part that records have as `quality`; both empty if missing."""
    run = _json(root, RUN)
    if not _is_time(run.get("startedAt")):
        return {}, {}
    lists = [entries for entries in (run.get("checks"), run.get("doubts")) if isinstance(entries, list)]
    checks = [check for entries in lists for check in entries if isinstance(check, dict)]
    quality = {
        "startedAt": run["startedAt"],
        "outcome": run.get("outcome"),
        "problem": _cut(run.get("problem"), 5000),
        "contract": run.get("contract"),
        "rows": run.get("rowsOut"),
        "checks": sum(check.get("result") != "unchecked" for check in checks),
        "failed": [_check(check) for check in checks if check.get("result") not in ("passed", "unchecked")][
            :100
        ],
        "unchecked": [_check(check) for check in checks if check.get("result") == "unchecked"][:100] or None,
    }
    return run, {key: value for key, value in quality.items() if value is not None}


def _check(check: dict[str, Any]) -> dict[str, Any]:
    """Return a check of the contract that did not pass; its text is cut, because engines can write much."""
    longest = {"name": 500, "field": 200, "result": 50, "reason": 2000}
    return {key: _cut(check[key], length) for key, length in longest.items() if key in check}


def _cut(value: Any, length: int) -> Any:
    return f"{value[: length - 1]}…" if isinstance(value, str) and len(value) > length else value


def _json(root: Path, path: str) -> dict[str, Any]:
    """Return a JSON object that the last run has written; empty if there is none."""
    try:
        found = valued(path, strict_json(read_text(root, path))).value
    except (Unreadable, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _listed(path: Path) -> list[Record]:
    try:
        raw = path.read_text("utf-8")
        values = _values(raw)
    except OSError as error:
        raise Unreadable(f"{path}: it cannot be read: {error.strerror}.", "Give a folder, a file or a catalog.") from error  # fmt: skip
    except ValueError as error:
        raise Unreadable(
            f"{path}: it is not JSON: {error}", "Give a list of records, or one a line."
        ) from error
    for number, value in enumerate(values, 1):
        if not isinstance(value, dict):
            fix = "Take it from a catalog's /api/records, or from --format json."
            raise Unreadable(f"{path}: entry {number} is not a record.", fix)
        try:
            valued(str(path), value)
        except Unreadable as problem:
            raise Unreadable(f"{path}: entry {number}: {problem}", problem.fix) from problem
    return [Record(value) for value in values]


def _values(raw: str) -> list[Any]:
    """Return the entries of a list, of a catalog's answer, or of a file with one a line. Raises ValueError."""
    if raw.lstrip().startswith("["):
        return list(strict_json(raw))
    # Not splitlines: a text in JSON may contain characters that only Python takes for line ends.
    lines = [line for line in raw.split("\n") if line.strip()]
    try:
        # As one text, in which equal keys are stored once.
        values: list[Any] = strict_json(f"[{','.join(lines)}]")
        whole = len(values) == len(lines)
    except ValueError:
        whole = False
    if not whole:
        values = [strict_json(line) for line in lines]
    if len(values) == 1 and isinstance(values[0], dict) and isinstance(values[0].get("records"), list):
        values = [entry.get("record") if isinstance(entry, dict) else entry for entry in values[0]["records"]]
    return values
