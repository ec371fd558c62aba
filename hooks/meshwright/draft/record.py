"""Remember what a draft wrote and from what, so that the next one can tell what has changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from meshwright.core.errors import Error
from meshwright.core.git import without_credentials
from meshwright.core.yaml import Unreadable, inside, read
from meshwright.draft.columns import Field
from meshwright.draft.texts import Flow, yaml
from meshwright.inspection.database_address import is_database, storable
from meshwright.product.files import DRAFT

HEADER = "# What `meshwright draft` wrote, and from what. The next draft is compared with it.\n"


@dataclass(frozen=True)
class Record:
    """What a draft wrote."""

    sources: Mapping[str, Mapping[str, Any]]
    """Input -> `from` (as it was given; a variable instead of a password), `uses`, and `columns`: name at the source -> its facts."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Path -> SHA-256 of what was written."""

    def is_as_written(self, root: Path, path: str) -> bool:
        """Return True if nobody has changed a file since a draft wrote it."""
        known = self.files.get(path)
        return known is not None and (root / path).is_file() and digest((root / path).read_bytes()) == known

    def text(self) -> bytes:
        """Return the record as it is stored."""
        sources = {
            name: {
                **{key: source[key] for key in ("from", "uses") if key in source},
                "columns": {column: Flow(facts) for column, facts in source["columns"].items()},
            }
            for name, source in self.sources.items()
        }
        return (
            HEADER + yaml({"version": 1, "sources": sources, "files": dict(sorted(self.files.items()))})
        ).encode()


def column_facts(field: Field, landed: str) -> dict[str, Any]:
    """Return what is stored of a column; `landed`: its name in the contract, empty if it is not in it."""
    personal = {"personal": field.kind} if field.kind else {}
    return {"type": str(field.type), "as": landed, **personal}


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file's content; a line ends in one way only."""
    return sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def recorded(root: Path) -> Record | None:
    """Return what the last draft wrote; None if there was none. Raises Error."""
    if not inside(root, DRAFT):
        return None
    try:
        value = read(root, DRAFT).value
        if value["version"] != 1:
            raise Error("A newer version of Meshwright wrote it.", "Use that version.").of(DRAFT)
        sources = {
            name: {
                **{key: str(source[key]) for key in ("from", "uses") if key in source},
                "columns": {str(key): dict(facts) for key, facts in source["columns"].items()},
            }
            for name, source in value["sources"].items()
        }
        return Record(sources, {str(path): str(known) for path, known in value["files"].items()})
    except Unreadable as error:
        raise error.of(DRAFT) from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Error("It is not as `meshwright draft` writes it.", f"Restore it: git checkout -- {DRAFT}").of(
            DRAFT
        ) from error


def without_password(where: str) -> str:
    """Return a source as it can be stored, and opened again: of a password, the variable that holds it."""
    if is_database(where):
        return storable(where)[0]
    return without_credentials(where) if "://" in where else where


def unstored_passwords(given: Iterable[str]) -> list[str]:
    """Return a sentence on each variable that has to hold a password from now on."""
    variables = dict.fromkeys(storable(where)[1] for where in given if is_database(where))
    return [
        f"The password is not stored. A run on the real data, and the next draft, read it from {name}: export {name}=…"
        for name in variables
        if name
    ]
