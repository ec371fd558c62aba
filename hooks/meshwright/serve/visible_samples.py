"""Which sample rows a reader sees: those of their roles; of open data what is not masked, for whoever has not signed in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from meshwright.mesh.role_columns import treatment
from meshwright.mesh.sample_rows import RoleSample, SampleRows, is_clear, policy_digest
from meshwright.product import metamodel
from meshwright.product.break_glass import is_break_glass
from meshwright.product.personal_columns import kind_of_column
from meshwright.product.record import Column, Reader, Record, rank


@dataclass(frozen=True)
class VisibleSample:
    """Sample rows as a reader sees them."""

    role: str
    """Empty for whoever has not signed in."""
    port: str
    columns: Sequence[str]
    masked: Collection[str]
    """Those of the columns that a mask changed."""
    rows: Sequence[Sequence[str | None]]

    def value(self) -> dict[str, Any]:
        """Return the rows as the API has them."""
        names = list(self.columns)
        return {"role": self.role or None, "port": self.port, "columns": names, "rows": list(map(list, self.rows))}  # fmt: skip


def visible_samples(
    record: Record, sample: SampleRows | None, principals: Collection[str], at: datetime | None = None
) -> Sequence[VisibleSample]:
    """Return the sample rows for each role of a reader; none where the policy has changed since they were masked.

    `principals`: `id:<id>` and `group:<name>` of whoever has signed in; empty: nobody has.
    """
    if sample is None or sample.policy != policy_digest(record):
        return ()
    if not principals:
        return [one for one in (_for_everybody(record, sample),) if one]
    held = set(_held_roles(record, principals, at or datetime.now(UTC)))
    roles = [role for role in sample.roles if role in held or (sample.open and _is_open(record, role))]
    shown = [_chosen(record, sample, role) for role in roles]
    return [one for one in shown if one.columns]


def _for_everybody(record: Record, sample: SampleRows) -> VisibleSample | None:
    """Return what an open role sees without a mask, as far as nothing of it is, or looks, personal or confidential."""
    if (
        not sample.open
        or not record.classification
        or rank(record.classification) > rank(metamodel.OPEN_UP_TO)
    ):
        return None
    for role, rows in sample.roles.items():
        if not _is_open(record, role):
            continue
        shown = _chosen(record, sample, role, _plain_columns(record, rows))
        if shown.columns:
            return replace(shown, role="")
    return None


def _plain_columns(record: Record, rows: RoleSample) -> set[str]:
    known = {column.name: column for column in record.columns}
    return {
        one.name
        for one in rows.columns
        if is_clear(one) and not one.personal and one.name in known and _is_plain(known[one.name], record)
    }


def _is_plain(column: Column, record: Record) -> bool:
    personal = any("personal" in tag.lower() or tag.lower() == "pii" for tag in column.tags)
    named = kind_of_column(column.name, column.logical_type, record.dataset)
    return not (personal or named) and rank(column.classification) <= rank(metamodel.OPEN_UP_TO)


def _chosen(
    record: Record, sample: SampleRows, role: str, names: Collection[str] | None = None
) -> VisibleSample:
    """Return a role's rows. A column of which the role sees something else by now than when it was sent is left out."""
    columns, seen = {column.name: column for column in record.columns}, sample.roles[role]
    places = [
        place
        for place, one in enumerate(seen.columns)
        if (names is None or one.name in names)
        and one.name in columns
        and treatment(record, record.roles.get(role, {}), columns[one.name]) == one.mask
    ]
    return VisibleSample(
        role,
        sample.port,
        [seen.columns[place].name for place in places],
        {seen.columns[place].name for place in places if not is_clear(seen.columns[place])},
        [[row[place] for place in places] for row in seen.rows],
    )


def _is_open(record: Record, role: str) -> bool:
    """Return True if whoever the directory knows reads in a role without an agreement (access/policy/decision.rego)."""
    about = record.roles.get(role, {})
    clearance = about.get("clearance")
    return (
        record.access_mode == "open"
        and _is_for_people(about)
        and isinstance(clearance, list)
        and bool(clearance)
        and all(isinstance(one, str) and rank(one) <= rank(metamodel.OPEN_UP_TO) for one in clearance)
    )


def _is_for_people(about: Mapping[str, Any]) -> bool:
    """Return True for a role that the catalog can show: what else it requires of people, only the directory knows."""
    return about.get("kind") == "human" and not is_break_glass(about) and not about.get("requires")


def _held_roles(record: Record, principals: Collection[str], at: datetime) -> Iterator[str]:
    """Yield the roles that somebody reads in, by agreements that were granted when access was last applied."""
    granted: dict[str, tuple[str, str]] = {}
    for port in record.outputs:
        for name, terms in (port.agreements or {}).items():
            if isinstance(terms, dict):
                granted[name] = (str(terms.get("role")), str(terms.get("until")))
    for reader in record.readers:
        role, until = granted.get(reader.agreement, ("", ""))
        in_force = role == reader.role and _lasts(until, at) and _lasts(reader.until, at)
        if in_force and _names(reader, principals) and _is_for_people(record.roles.get(role, {})):
            yield role


def _names(reader: Reader, principals: Collection[str]) -> bool:
    return any(_folded(one) in {_folded(other) for other in principals} for one in reader.principals)


def _folded(principal: str) -> str:
    return principal.lower() if principal.startswith("id:") else principal


def _lasts(until: str, at: datetime) -> bool:
    try:
        end = datetime.fromisoformat(until)
    except ValueError:
        return False
    return (end if end.tzinfo else end.replace(tzinfo=UTC)) > at
