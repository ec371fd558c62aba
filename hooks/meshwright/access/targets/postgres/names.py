"""The names of a product's schemas, roles and views in PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshwright.access.grants import Refused
from meshwright.core.sql.postgres import NAME_BYTES, is_encodable

_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ROLE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_RESERVED = ("public", "none")
"""Even in quotes these mean everybody and nobody where SQL expects a role."""
SUFFIXES = ("_private", "_audit")
"""What a product's own schemas end with: a port's schema that ends so could be one of another product's."""

MARK = "meshwright ([{].*[}])$"
"""The regular expression of the mark in a login's comment: JSON that says whose product, in which database, it is."""


@dataclass(frozen=True)
class Names:
    """The names that follow from the port's schema. Raises Refused for a schema that PostgreSQL does not take."""

    schema: str
    dataset: str = ""

    def __post_init__(self) -> None:
        if not _SCHEMA.fullmatch(self.schema) or self.schema.startswith("pg_"):
            raise Refused(
                f"The port's schema {display_text(self.schema)} is not a name that it can have.",
                "Use at most 40 small letters, digits and underscores, a letter first, and not pg_.",
            )
        if self.schema.endswith(SUFFIXES):
            raise Refused(
                f"The port's schema {self.schema} ends with {' or '.join(SUFFIXES)}, as the schemas do that hold another "
                "product's data and audit records: it could be one of them.",
                "Give the port another `schema` in data-product.yaml, and have an administrator of the database run what "
                "`meshwright access bootstrap` then prints.",
            )
        if len(self.dataset.encode()) > NAME_BYTES or "\0" in self.dataset:
            raise Refused(
                f"The data set {display_text(self.dataset)} cannot be the name of a table.",
                "Give it a shorter one.",
            )

    @property
    def private(self) -> str:
        return f"{self.schema}_private"

    @property
    def audit(self) -> str:
        return f"{self.schema}_audit"

    @property
    def access(self) -> str:
        """The login that applies."""
        return f"{self.schema}_access"

    @property
    def pipeline(self) -> str:
        """The login that publishes."""
        return f"{self.schema}_pipeline"

    @property
    def schemas(self) -> tuple[str, str, str]:
        return self.schema, self.private, self.audit

    @property
    def reader_prefix(self) -> str:
        return f"{self.schema}:"

    def reader(self, role: str) -> str:
        """Return the PostgreSQL role of a role of the policy. Raises Refused for one that has no name there."""
        name = f"{self.reader_prefix}{role}"
        if not _ROLE.fullmatch(role) or len(name.encode()) > NAME_BYTES:
            raise Refused(
                f"The role {display_text(role)} cannot have a name in PostgreSQL.",
                f"Use small letters, digits and single hyphens, at most {NAME_BYTES - len(self.reader_prefix)}.",
            )
        return name

    def view(self, role: str) -> str:
        """Return the view of a role of the policy."""
        return role.replace("-", "_")


def of(properties: Mapping[str, Any], dataset: str) -> Names:
    """Return the names for a port, by its properties. Raises Refused."""
    return Names(str(properties.get("schema", "")), dataset)


def is_role_name(name: str) -> bool:
    """Return True if a role can have this name."""
    return (
        0 < len(name.encode(errors="replace")) <= NAME_BYTES
        and "\0" not in name
        and name not in _RESERVED
        and not name.startswith("pg_")
        and is_encodable(name)
    )


def display_text(name: str) -> str:
    """Return a name for a sentence: what a terminal would act on is escaped, and a very long one is cut."""
    safe = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)
    return safe if len(safe) <= 200 else safe[:200] + "…"
