"""What the estate uses that the registry of capabilities cannot read."""

from __future__ import annotations

from collections.abc import Sequence

from meshwright.inspection.technologies import TECHNOLOGIES
from meshwright.product import registry
from meshwright.survey.estate import Estate
from meshwright.survey.model import Candidate, Need

DATABASES = {"oracle": "oracledb", "sqlserver": "pymssql", "db2": "ibm_db_sa", "teradata": "teradatasqlalchemy", "sap": "sqlalchemy-hana"}  # fmt: skip
"""Database -> the package with which SQLAlchemy, and so `database@1`, may read it."""
FILES = {"excel": "file@1 reads it once it is saved as CSV", "xml": "file@1 reads it once it is converted to JSON", "sftp": "file@1 reads it once a job fetches the files", "ftp": "file@1 reads it once a job fetches the files"}  # fmt: skip


def needs(estate: Estate, candidates: Sequence[Candidate]) -> list[Need]:
    """Return the capabilities that are needed and not in the registry, and set `needs` of the candidates that need them."""
    inputs = {entry.name for entry in registry.capabilities() if entry.kind == "inputs"}
    origins: dict[str, list[str]] = {}
    files: dict[str, set[str]] = {}
    for source in estate.sources:
        for one in source.used:
            if one.name not in inputs:
                origins.setdefault(one.name, []).append(f"{source.name}/{one.place}")
                files.setdefault(one.name, set()).add(f"{source.name}/{one.place.path}")
    found = []
    for name in sorted(origins):
        users = []
        for candidate in candidates:
            writers = {
                note.origin.rpartition(":")[0]
                for part in candidate.parts
                for note in estate.notes.get(part.id, ())
                if note.kind == "writer"
            }
            if writers & files[name]:
                candidate.needs.append(name)
                users.append(candidate.name)
        found.append(
            Need(name, TECHNOLOGIES[name].what, _instead(name), tuple(origins[name][:10]), tuple(users))
        )
    return found


def _instead(name: str) -> str:
    if name in DATABASES:
        return f"database@1 may read it once {DATABASES[name]} is among the product's dependencies; nobody has tested that"
    if name in FILES:
        return FILES[name]
    return "a blueprint for it has to be written (docs/how-to/add-a-capability.md), or read a copy that something else lands"
