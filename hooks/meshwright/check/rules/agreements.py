"""Rules on who asks for access and who approves it: agreements, approvers, tests and the team's own denials."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.core.text import listed
from meshwright.core.yaml import Document, Keys, read_text
from meshwright.product import metamodel, team_rego
from meshwright.product.agreement_length import counted_from, effective_end, longest_days
from meshwright.product.approvers import unsound
from meshwright.product.break_glass import break_glass_issues, is_break_glass
from meshwright.product.contract import columns
from meshwright.product.files import AGREEMENTS, APPROVERS, POLICY, TEAM_REGO, TESTS
from meshwright.product.lookalikes import alike, deceptive
from meshwright.product.problem import Problem

FILE = f"{AGREEMENTS}/punctuality.yaml"
REQUEST = {
    "apiVersion": "v0.9.0",
    "kind": "AccessAgreement",
    "id": "punctuality",
    "status": "requested",
    "description": {"purpose": "How punctual the airlines were."},
    "provider": {"dataProductId": "airport-operations/departures"},
    "consumer": {"teamId": "customer-experience"},
    "roles": [{"role": "service"}],
    "startTimestamp": "2026-01-01T00:00:00Z",
    "endTimestamp": "2026-06-30T00:00:00Z",
    "customProperties": [
        {"property": "principal", "value": "id:svc-punctuality"},
        {"property": "requester", "value": "bo@example.org"},
    ],
}
"""An agreement that keeps every rule here."""
ADA = {
    "name": "Ada Example",
    "email": "ada@example.org",
    "capacity": "owner",
    "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEcnoOaT0rJo0pLVUlqhhXVF7zxMfHnDkuCbTAUfbZN2",
}
"""An approver."""


def _role(agreement: Document) -> str | None:
    return next((role.get("role") for _, role in agreement.items("roles")), None)


def _roles(policy: Document) -> dict[str, Any]:
    roles = policy.get("roles")
    return (
        {name: role for name, role in roles.items() if isinstance(role, dict)}
        if isinstance(roles, dict)
        else {}
    )


class AgreementNamedAsFile(Rule):
    """An agreement has the name of its file, so that names are unique."""

    broken = {FILE: {**REQUEST, "id": "something-else"}}

    def check(self, agreements: Sequence[Document]) -> Iterator[Problem]:
        for agreement in agreements:
            name = agreement.get("id")
            if isinstance(name, str) and agreement.path.as_posix() != f"{AGREEMENTS}/{name}.yaml":
                detail = f"Its id is {name}, but the file is {agreement.path.as_posix()}."
                yield Problem(agreement, ("id",), detail, f"Rename the file to {name}.yaml, or fix the id.")


class AgreementAboutProduct(Rule):
    """An agreement is for this product and for existing output ports."""

    broken = {FILE: {**REQUEST, "provider": {"dataProductId": "airport-operations/arrivals"}}}

    def check(self, spec: Document, agreements: Sequence[Document]) -> Iterator[Problem]:
        product = f"{spec.get('metadata.domain')}/{spec.get('metadata.name')}"
        ports = [port.get("name") for _, port in spec.items("spec.outputs")]
        for agreement in agreements:
            about = agreement.get("provider.dataProductId")
            if about is not None and about != product:
                detail = f"It is for {about}, but this product is {product}."
                yield Problem(
                    agreement, ("provider", "dataProductId"), detail, f"Write `dataProductId: {product}`."
                )
            port = agreement.get("provider.outputPortId")
            if port is not None and port not in ports:
                detail = f"The product has no output port {port}."
                yield Problem(
                    agreement, ("provider", "outputPortId"), detail, f"Choose one of: {listed(ports)}."
                )


class AgreementForRole(Rule):
    """An agreement is for a role of the policy, and for a purpose that the role allows."""

    broken = {FILE: {**REQUEST, "roles": [{"role": "administrator"}]}}

    def check(self, policy: Document, agreements: Sequence[Document]) -> Iterator[Problem]:
        roles = _roles(policy)
        for agreement in agreements:
            name = _role(agreement)
            if name is not None and name not in roles:
                detail = f"The policy has no role {name}."
                yield Problem(agreement, ("roles", 0, "role"), detail, f"Choose one of: {listed(roles)}.")
            purposes = roles.get(str(name), {}).get("purposes")
            custom = {
                item.get("property"): item.get("value") for _, item in agreement.items("customProperties")
            }
            if isinstance(purposes, list) and custom.get("purpose") not in purposes:
                detail = f"The role {name} does not allow this purpose."
                fix = f"Add the property `purpose` with one of: {listed(purposes)}."
                yield Problem(agreement, ("customProperties",), detail, fix)


class AgreementNamesReaders(Rule):
    """An agreement names its readers as the corporate directory does, and its requester by an e-mail address."""

    broken = {
        FILE: {
            **REQUEST,
            "customProperties": [
                {"property": "principal", "value": "analysts"},
                {"property": "requester", "value": "bo@example.org"},
            ],
        }
    }

    def check(self, agreements: Sequence[Document]) -> Iterator[Problem]:
        for agreement in agreements:
            for keys, item in agreement.items("customProperties"):
                value = item.get("value")
                if item.get("property") == "principal":
                    for name in value if isinstance(value, list) else [value]:
                        if not re.fullmatch(r"(group|id):[^\x00-\x1f]+", str(name)):
                            detail = f"{name!r} is neither a group nor a single reader."
                            yield Problem(
                                agreement, (*keys, "value"), detail, "Write `group:<name>` or `id:<id>`."
                            )
                if item.get("property") == "requester" and not re.fullmatch(r"[^@\s]+@[^@\s]+", str(value)):
                    detail = f"{value!r} is not an e-mail address."
                    yield Problem(agreement, (*keys, "value"), detail, "Write one, such as bo@example.org.")


class NamesNotMistaken(Rule):
    """Nobody can take the name of an agreement, a role, a reader or an approver for another one.

    Letters of other scripts, invisible characters and `1` for `l` make a name that an approver reads as one that they know.
    """

    broken = {
        FILE: {
            **REQUEST,
            "customProperties": [
                {"property": "principal", "value": "group:\u0430nalysts"},
                {"property": "requester", "value": "bo@example.org"},
            ],
        }
    }

    def check(
        self, policy: Document, approvers: Document, agreements: Sequence[Document]
    ) -> Iterator[Problem]:
        fix = "Write it in letters of one script, as the directory has it."
        for agreement in agreements:
            for keys, value in _named(agreement):
                if deception := deceptive(value):
                    yield Problem(agreement, keys, f"{value!a}: {deception}", fix)
        by_id = {str(agreement.get("id")): agreement for agreement in agreements if agreement.get("id")}
        for one, other in alike(sorted(by_id)):
            yield Problem(
                by_id[other], ("id",), f"{other} looks like the agreement {one}.", "Rename one of them."
            )
        for one, other in alike(_roles(policy)):
            yield Problem(
                policy, ("roles", other), f"{other} looks like the role {one}.", "Rename one of them."
            )
        addresses = [str(entry.get("email")) for _, entry in approvers.items("approvers")]
        for one, other in alike(addresses):
            keys = ("approvers", addresses.index(other), "email")
            yield Problem(
                approvers,
                keys,
                f"{other} looks like the approver {one}.",
                "Give one of them another address.",
            )


def _named(agreement: Document) -> Iterator[tuple[Keys, str]]:
    """Yield the place and the text of whoever asks or is named."""
    for keys, item in agreement.items("customProperties"):
        value = item.get("value")
        if item.get("property") in ("principal", "requester"):
            yield from (
                ((*keys, "value"), str(one)) for one in (value if isinstance(value, list) else [value])
            )


class AgreementEnds(Rule):
    """An agreement ends after it begins, and no later than its role allows."""

    broken = {FILE: {**REQUEST, "endTimestamp": "2031-01-01T00:00:00Z"}}

    def check(self, policy: Document, agreements: Sequence[Document]) -> Iterator[Problem]:
        for agreement in agreements:
            try:
                start, end = (
                    datetime.fromisoformat(str(agreement.get(key)))
                    for key in ("startTimestamp", "endTimestamp")
                )
                lasts = end - start
                role = _roles(policy).get(str(_role(agreement)), {})
                counted = counted_from(role, start)
                outlives = effective_end(role, start, end) - counted > timedelta(days=longest_days(role))
            except (
                ValueError,
                TypeError,
                OverflowError,
            ):  # a date that does not exist; the schema accepts it
                detail = "Its start or end is a date that does not exist."
                yield Problem(
                    agreement,
                    ("endTimestamp",),
                    detail,
                    "Write a time with its zone, such as 2027-06-30T00:00:00Z.",
                )
                continue
            longest = longest_days(role)
            if lasts.total_seconds() <= 0:
                yield Problem(agreement, ("endTimestamp",), "It ends before it begins.", "Give a later end.")
            elif outlives and not is_break_glass(role):
                detail = f"It lasts {lasts.days} days, but its role allows {longest}."
                latest = counted.astimezone(UTC) + timedelta(days=longest)
                yield Problem(
                    agreement,
                    ("endTimestamp",),
                    detail,
                    f"Write an end of {latest:%Y-%m-%dT%H:%M:%SZ} or earlier.",
                )


class BreakGlassEnds(Rule):
    """Break-glass access is for people by name, for an hour at the most, on a port whose storage ends it by itself."""

    broken = {
        FILE: {**REQUEST, "roles": [{"role": "emergency"}]},
        POLICY: {"roles": {"emergency": {"breakGlass": True}}},
    }

    def check(self, spec: Document, policy: Document, agreements: Sequence[Document]) -> Iterator[Problem]:
        ports = {str(port.get("name")): str(port.get("uses")) for _, port in spec.items("spec.outputs")}
        for agreement in agreements:
            role = _roles(policy).get(str(_role(agreement)), {})
            for keys, detail, fix in break_glass_issues(role, agreement, ports):
                yield Problem(agreement, keys, detail, fix)


class ApproversAreDifferentPeople(Rule):
    """Each approver is listed once, with a secure key of their own."""

    broken = {APPROVERS: {"approvers": [ADA, {**ADA, "email": "ADA@example.org"}]}}

    def check(self, approvers: Document) -> Iterator[Problem]:
        for keys, detail, fix in unsound(approvers):
            yield Problem(approvers, keys, detail, fix)
        by_review = approvers.get("approvals.by") == "review"
        for place, entry in approvers.items("approvers"):
            if not by_review and "key" not in entry and "login" in entry:
                detail = f"{entry.get('email')} has no key, and approvals are by signature, so they can approve nothing."
                yield Problem(
                    approvers, place, detail, "Give them a key, or write how to review: `approvals`."
                )


class ApproverForEachCapacity(Rule):
    """For every approval that a role requires, approvers.yaml lists a person.

    Until a product has its first approver, it has no readers, and the rule does not apply.
    """

    broken = {
        POLICY: {"roles": {"reader": {"approvals": ["data-protection"]}}},
        APPROVERS: {"approvers": [ADA]},
    }

    def check(self, policy: Document, approvers: Document) -> Iterator[Problem]:
        named = [approver.get("capacity") for _, approver in approvers.items("approvers")]
        for name, role in _roles(policy).items():
            needed = role.get("approvals", ["owner"])
            for capacity in needed if isinstance(needed, list) and named else []:
                if capacity not in named:
                    detail = f"The role {name} requires the approval of a {capacity}, but no approver has this capacity."
                    yield Problem(
                        policy,
                        ("roles", name, "approvals"),
                        detail,
                        f"Add a {capacity} to access/approvers.yaml.",
                    )


class RowsOfPromisedColumns(Rule):
    """Row filters of roles use columns of the contract."""

    broken = {POLICY: {"roles": {"reader": {"rows": [{"column": "region", "in": ["EU"]}]}}}}

    def check(self, spec: Document, contract: Document, policy: Document) -> Iterator[Problem]:
        known = columns(spec, contract)
        for name, role in _roles(policy).items():
            rows = role.get("rows")
            for index, row in enumerate(rows if isinstance(rows, list) else []):
                column = row.get("column") if isinstance(row, dict) else None
                if column is not None and column not in known:
                    detail = f"The contract has no column {column}."
                    place = ("roles", name, "rows", index, "column")
                    yield Problem(policy, place, detail, f"Choose one of: {listed(known)}.")


class AccessTestsAboutPolicy(Rule):
    """The access tests use existing roles, columns and classifications."""

    broken = {
        TESTS: {
            "apiVersion": "meshwright/v1",
            "kind": "AccessTests",
            "tests": [{"role": "administrator", "columns": "secret", "sees": "nothing"}],
        }
    }

    def check(
        self, spec: Document, contract: Document, policy: Document, access_tests: Document
    ) -> Iterator[Problem]:
        known = columns(spec, contract)
        for keys, test in access_tests.items("tests"):
            role, named = test.get("role"), test.get("columns")
            if role is not None and role not in _roles(policy):
                detail = f"The policy has no role {role}."
                yield Problem(
                    access_tests, (*keys, "role"), detail, f"Choose one of: {listed(_roles(policy))}."
                )
            if isinstance(named, str) and named not in metamodel.CLASSIFICATIONS:
                detail = f"{named} is not a classification."
                fix = f"Choose one of: {listed(metamodel.CLASSIFICATIONS)}; or list columns."
                yield Problem(access_tests, (*keys, "columns"), detail, fix)
            for column in named if isinstance(named, list) else []:
                if column not in known:
                    detail = f"The contract has no column {column}."
                    fix = f"Choose one of: {listed(known)}."
                    yield Problem(access_tests, (*keys, "columns"), detail, fix)


class TeamRegoOnlyDenies(Rule):
    """The team's own Rego in access/rego/ only denies more, and reads only its input.

    It uses no network, environment or clock: the same question has the same answer on every machine, on every day.
    """

    broken = {
        "access/rego/product.rego": "package product.access\n\nimport rego.v1\n\nallow := true\n\n"
        'deny contains "Too late." if time.now_ns() > 0\n'
    }

    def check(self, root: Path) -> Iterator[Problem]:
        for path in sorted((root / TEAM_REGO).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix == ".rego":
                for line, detail, fix in team_rego.problems(read_text(root, name)):
                    yield Problem(name, (), detail, fix, line)
