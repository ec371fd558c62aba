"""The twelve mandatory attributes of a candidate: there, derivable from what was read, or lacking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshwright.inspection.model import Activity
from meshwright.product import metamodel
from meshwright.product.record import Record
from meshwright.survey.columns import change_column, personal
from meshwright.survey.estate import Estate
from meshwright.survey.model import Attribute, Candidate, Note

PORT = "parquet@1"
"""The output port that the template gives a product."""


def sensitive(candidate: Candidate) -> list[tuple[str, str, str]]:
    """Return table, column and kind of the columns whose names suggest personal or sensitive data."""
    return [(part.id, column, kind) for part in candidate.parts for column, kind, _ in personal(part.table)]


def classification(candidate: Candidate) -> str:
    """Return the most sensitive classification that the name of a column asks for; `internal` if none does."""
    levels = [level for part in candidate.parts for _, _, level in personal(part.table)]
    return max(levels, key=metamodel.CLASSIFICATIONS.index, default="internal")


def of_product(record: Record) -> list[Attribute]:
    """Return which attributes a product has."""
    found = []
    for rule, mandatory in metamodel.MANDATORY.items():
        values = [record.get(f"product.{path}") for path in mandatory.attributes]
        complete = all(value not in (None, "", [], {}) for value in values)
        origin = "data-product.yaml" if complete else ""
        found.append(Attribute(rule, "there" if complete else "lacking", "", origin))
    return found


def of_candidate(candidate: Candidate, estate: Estate, domain: str) -> list[Attribute]:
    """Return which attributes can be derived for a candidate."""
    derived = {attribute.rule: attribute for attribute in _derived(candidate, estate, domain)}
    return [derived.get(rule, Attribute(rule, "lacking")) for rule in metamodel.MANDATORY]


def _derived(candidate: Candidate, estate: Estate, domain: str) -> Iterator[Attribute]:
    main = candidate.main
    notes = estate.notes.get(main.id, [])
    activity = main.table.activity or Activity()
    yield Attribute("NameGiven", "derivable", candidate.name, f"the name of {main.id}")
    yield Attribute("TypeGiven", "derivable", candidate.type, "what its tables are")
    yield Attribute("PortsGiven", "derivable", PORT, "the template's own port")
    if domain:
        yield Attribute("DomainGiven", "derivable", domain, "--domain")
    described = _described(candidate, notes)
    if described:
        yield Attribute("DescriptionGiven", "derivable", *described)
    owner = _owner(notes)
    if owner:
        yield Attribute("OwnerAndStewardNamed", "derivable", *owner)
    kinds = sorted({kind for _, _, kind in candidate.sensitive})
    reason = (
        f"names of columns suggest {', '.join(kinds)}"
        if kinds
        else "no name of a column suggests personal data"
    )
    yield Attribute("ClassificationGiven", "derivable", classification(candidate), reason)
    if "PUBLIC" in activity.readers:
        yield Attribute("AccessModeChosen", "derivable", "open", f"every account may read {main.id}")
    elif activity.readers:
        yield Attribute(
            "AccessModeChosen", "derivable", "approval-required", f"only some roles may read {main.id}"
        )
    if activity.readers:
        who = ", ".join(activity.readers[:6])
        yield Attribute("AccessPolicyPublished", "derivable", who, f"the rights on {main.id} today")
    if level := _service_level(candidate, notes):
        yield Attribute("ServiceLevelsGiven", "derivable", *level)


def _described(candidate: Candidate, notes: Sequence[Note]) -> tuple[str, str] | None:
    for note in notes:
        if note.kind == "description":
            return " ".join(note.value.split()), note.origin
    if text := candidate.main.table.description:
        return " ".join(text.split()), f"the comment of {candidate.main.id}"
    return None


def _owner(notes: Sequence[Note]) -> tuple[str, str] | None:
    """Return who seems to own it: who its model names, then CODEOWNERS, then the owner of an exposure that reads it."""
    owners = [note for note in notes if note.kind == "owner"]
    if owners:
        return owners[0].value, owners[0].origin
    for note in notes:
        if note.kind == "reader" and " of " in note.value:
            return note.value.rpartition(" of ")[2], f"{note.value.partition(' of ')[0]}, which reads it"
    return None


def _service_level(candidate: Candidate, notes: Sequence[Note]) -> tuple[str, str] | None:
    column = change_column(candidate.main.table)
    measured = f", measured by {column}" if column else ""
    for note in notes:
        if note.kind == "freshness":
            return f"freshness <= {note.value}{measured}", note.origin
    for note in notes:
        if note.kind == "schedule":
            return f"freshness by the schedule {note.value}{measured}", note.origin
    return None
