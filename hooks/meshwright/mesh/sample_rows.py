"""Sample rows of a data set, as a catalog keeps them: one small table for each role, masked before it was sent.

A catalog never has a value that no role sees. It needs no masks of its own: it chooses tables and leaves out columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshwright.mesh.role_columns import CLEAR
from meshwright.product.record import Record, digest

ROWS, COLUMNS, ROLES, LONGEST = 10, 200, 20, 80
"""Maximum rows of a role, columns, roles, and characters of a value."""
NAME = 200
"""Maximum characters of the name of a column, a role or a port."""


@dataclass(frozen=True)
class SampleColumn:
    """A column of a role's sample."""

    name: str
    mask: str
    """What the role sees of it: CLEAR, or the name of a mask."""
    personal: bool
    """Whether its name or its values look personal, whatever the contract says."""


@dataclass(frozen=True)
class RoleSample:
    """What a role sees of the sample."""

    columns: tuple[SampleColumn, ...]
    rows: tuple[tuple[str | None, ...], ...]
    """A text for each column; None: there is no value."""


@dataclass(frozen=True)
class SampleRows:
    """The sample of a product."""

    port: str
    """The name of the output port that the rows were read from."""
    policy: str
    """The `policy_digest` of the policy that it was masked by."""
    open: bool
    """Whether everybody whom the directory knows reads without asking, as `access` decides it: opening is authorised, and no Rego of
    the team can deny it."""
    roles: Mapping[str, RoleSample]

    def value(self) -> dict[str, Any]:
        """Return the sample in the form that catalogs store."""
        return {
            "port": self.port,
            "policy": self.policy,
            "open": self.open,
            "roles": {
                role: {
                    "columns": [
                        {"name": one.name, "mask": one.mask, "personal": one.personal}
                        for one in sample.columns
                    ],
                    "rows": [list(row) for row in sample.rows],
                }
                for role, sample in self.roles.items()
            },
        }


def policy_digest(record: Record) -> str:
    """Return a text that changes with whatever a record's access policy says of roles and masks."""
    return digest([record.get("policy.roles"), record.get("policy.masks")])


def sample_rows(value: Any) -> SampleRows:
    """Return the sample that a value of JSON has; raises ValueError for one that is too large, or has another form."""
    port, policy, is_open, roles = _parts(value, "the sample", port=str, policy=str, open=bool, roles=dict)
    if len(roles) > ROLES:
        raise ValueError(f"it has more than {ROLES} roles")
    return SampleRows(
        _name(port, "port"),
        _name(policy, "policy"),
        is_open,
        {_name(role, "role"): _role(f"the role {role[:50]}", part) for role, part in roles.items()},
    )


def _role(what: str, value: Any) -> RoleSample:
    columns, rows = _parts(value, what, columns=list, rows=list)
    if len(columns) > COLUMNS or len(rows) > ROWS:
        raise ValueError(f"{what} has more than {COLUMNS} columns or {ROWS} rows")
    made = tuple(_column(f"a column of {what}", one) for one in columns)
    if len({one.name for one in made}) < len(made):
        raise ValueError(f"{what} has a column twice")
    for row in rows:
        if not isinstance(row, list) or len(row) != len(made):
            raise ValueError(f"a row of {what} has not one value for each column")
        if not all(one is None or (isinstance(one, str) and len(one) <= LONGEST) for one in row):
            raise ValueError(f"a value of {what} is no text of at most {LONGEST} characters, nor null")
    return RoleSample(made, tuple(map(tuple, rows)))


def _column(what: str, value: Any) -> SampleColumn:
    name, mask, personal = _parts(value, what, name=str, mask=str, personal=bool)
    return SampleColumn(_name(name, "column"), _name(mask, "mask"), personal)


def _parts(value: Any, what: str, **kinds: type) -> tuple[Any, ...]:
    """Return the parts of an object that has these and no others; raises ValueError."""
    if not isinstance(value, dict) or value.keys() != kinds.keys():
        raise ValueError(f"{what} is no object with {', '.join(kinds)}")
    for name, kind in kinds.items():
        if not isinstance(value[name], kind):
            raise ValueError(f"{name} of {what} has another type")
    return tuple(value[name] for name in kinds)


def _name(text: str, what: str) -> str:
    if not text or len(text) > NAME or "\0" in text:
        raise ValueError(f"a {what} has no name of at most {NAME} characters")
    return text


def is_clear(column: SampleColumn) -> bool:
    """Return True if the values of a column are as they are in the data set."""
    return column.mask == CLEAR
