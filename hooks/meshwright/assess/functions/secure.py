"""Secure: nobody can read what the access policy does not allow, tested from a stranger's point of view."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial

from meshwright.assess import Fitness, Verdict, as_text, masking, mesh_issues
from meshwright.assess.evidence import Evidence
from meshwright.assess.storage import Absent, Blocker
from meshwright.assess.verdicts import PLACES, at_ports, broken, kept, some, unknown
from meshwright.core.secret_detection import secrets_in
from meshwright.mesh.agreements import Use
from meshwright.mesh.role_columns import CLEAR, treatment
from meshwright.product.personal_columns import KINDS_OF_VALUES, recognized
from meshwright.product.record import Column, Port, Record, rank

CONFIDENTIAL = rank("confidential")
VALUES = 20_000
"""Maximum distinct values of a column that are examined."""
SAYS_PERSONAL = frozenset(
    {"pii", "personal", "personal-data", "personal_data", "personaldata", "gdpr", "phi", "spi"}
)
"""Tags for personal data."""
EVERYBODY = re.compile(r"(group|id):(\*|all|any|anyone|anybody|everyone|everybody|public|all-users|allusers)", re.IGNORECASE)  # fmt: skip
SEARCHED = frozenset({"string", "integer", "object", "array", "map"})
"""Logical types whose values are searched for personal data; those of dates and of amounts say nothing by themselves."""


def _is_for_everybody(record: Record) -> bool:
    return record.access_mode == "open" or record.classification == "public"


class AnonymousReadRefused(Fitness):
    """Is a reader without credentials refused at every output port?

    The test is real: an http request without credentials, an unsigned request to the bucket, a login without a password;
    for local files, whether other accounts of the machine can read them. A product with open access may be
    read by everybody.
    """

    characteristic = "secure"
    severity = "critical"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        yield from at_ports(product, partial(self._tried, product))

    def _tried(self, product: Evidence, port: Port) -> Iterator[Verdict]:
        if _is_for_everybody(product.record):
            yield kept("The product declares open access.", port.name)
            return
        refusal = product.without_credentials(port)
        if refusal.open:
            yield broken(refusal.sentence, refusal.fix, port.name)
            return
        yield kept(refusal.sentence, port.name)
        granted = product.by_grants(port)
        if granted is not None and granted.open:
            yield broken(granted.sentence, granted.fix, port.name)
        elif granted is not None:
            yield kept(granted.sentence, port.name)


class ReadsUnderAgreements(Fitness):
    """Does the product read others that require approval under agreements, and pass on no more than these show?

    Access that is decided for people and programs is worth nothing if a product next door reads the clear data, and
    hands it on. A port that a run has read although the spec does not declare it is read without an agreement.
    """

    characteristic = "secure"
    severity = "high"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record, mesh = product.record, product.mesh
        inputs = [entry for entry in mesh.inputs(record) if entry.product not in ("", record.id)]
        kinds = ("without-agreement", "beyond-agreement", "undeclared-read")
        found = mesh_issues.of_kinds(mesh, record.id, product.now, *kinds)
        for issue in found:
            yield broken(as_text(issue.sentence), issue.fix, issue.input)
        if not inputs and not found:
            yield kept("It reads no other product.")
        wrong = {issue.input for issue in found}
        for entry in inputs:
            source = mesh.records.get(entry.product)
            if source is None:
                yield unknown("Its source is not among the products of this assessment.", "Assess the whole mesh.", entry.name)  # fmt: skip
                continue
            port = next((one for one in source.outputs if one.name == entry.port), None)
            use = Use(record, entry, source, port, product.now)
            if entry.name in wrong:
                continue
            if use.reader:
                yield kept(f"It reads {as_text(entry.source)} as {as_text(use.reader.role)} by the agreement {as_text(use.reader.agreement)}.", entry.name)  # fmt: skip
            elif source.access_mode == "open":
                yield kept(f"Access to {as_text(source.id)} is open.", entry.name)
            else:
                yield unknown(f"It is not known who may read {as_text(source.id)}.", "Publish its record again.", entry.name)  # fmt: skip


class SensitiveColumnsHidden(Fitness):
    """Is the data that a role must not see hidden from it?

    For each role whose clearance does not cover every column, the rows that the role can read are examined: a column
    above its clearance must be absent, or every value in it must be masked as in the policy.
    """

    characteristic = "secure"
    severity = "critical"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        if not product.record.roles or not product.record.columns:
            yield unknown(
                "There is no policy with roles, or no contract with columns, to compare the data with."
            )
            return
        yield from at_ports(product, partial(self._at, product))

    def _at(self, product: Evidence, port: Port) -> Iterator[Verdict]:
        for role in product.record.roles:
            try:
                yield from self._for(product, port, role)
            except Blocker as blocker:
                yield unknown(str(blocker), blocker.fix, f"{port.name}: {role}")

    def _for(self, product: Evidence, port: Port, role: str) -> Iterator[Verdict]:
        record, place = product.record, f"{port.name}: {role}"
        shall = {column.name: treatment(record, record.roles[role], column) for column in record.columns}
        hidden = {name: mask for name, mask in shall.items() if mask != CLEAR}
        if not hidden:
            yield kept("The role's clearance covers every column.", place)
            return
        try:
            table = product.variant(port, role)
        except Absent:
            granted = [
                reader.agreement
                for reader in record.readers
                if reader.role == role and reader.port in ("", port.name)
            ]
            if granted:
                yield unknown(
                    f"Agreements grant this role ({some(granted)}), but there is no data for it yet.",
                    "Run `meshwright access apply`.",
                    place,
                )
            else:
                yield kept("Nobody has the role, and there is no data for it.", place)
            return
        there = {field.name for field in table.fields}
        wrong = [f"{name} is visible" for name in sorted(there - shall.keys())]
        for name, mask in hidden.items():
            if name not in there:
                continue
            if mask is None:
                wrong.append(f"{name} is visible")
            elif problem := masking.unmasked(table, name, mask, partial(_values, product, port, name)):
                wrong.append(f"{name} {problem}")
        if wrong:
            yield broken(
                f"The role sees more than the policy allows: {some(wrong)}.",
                "Run `meshwright access apply`, then `meshwright access verify`.",
                place,
            )
        else:
            domains = [name for name, mask in hidden.items() if mask == "domain" and name in there]
            many = any(table.filled(name) > masking.LOOKED_AT for name in domains)
            part = f" Of {some(domains)}, {masking.LOOKED_AT:,} different values were compared with the data set's." if many else ""  # fmt: skip
            yield kept(f"{len(hidden)} columns above the role's clearance are absent or masked in all rows.{part}", place)  # fmt: skip


def _values(product: Evidence, port: Port, column: str) -> list[str]:
    return list(product.table(port).texts(column, masking.LOOKED_AT))


class PersonalDataClassified(Fitness):
    """Is personal data that can be recognized in the values classified as confidential?

    The values of columns that the contract classifies lower, and that some role sees unmasked, are searched for
    e-mail addresses and names of people, phone numbers, dates of birth, bank accounts and payment cards, identity
    numbers of many countries with their check digits, and network addresses; also inside longer texts. A column's name
    counts only if the values confirm it, and mailboxes of offices and shops are nobody's.
    """

    characteristic = "secure"
    severity = "high"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        yield from at_ports(product, partial(self._searched, product))

    def _searched(self, product: Evidence, port: Port) -> Iterator[Verdict]:
        visible = {column.name: column for column in _seen_by_somebody(product.record)}
        table = product.table(port)
        looked_at, clean = 0, True
        for field in table.fields:
            if field.name not in visible or not field.logical & SEARCHED:
                continue
            looked_at += 1
            type_ = "string" if "string" in field.logical else next(iter(field.logical & SEARCHED))
            values = table.texts(field.name, VALUES)
            for one in recognized(field.name, type_, values, product.record.dataset):
                clean = False
                yield broken(
                    f"{one.count:,} of {one.of:,} distinct values of the column {as_text(field.name)}, which is {visible[field.name].classification}, are or contain {KINDS_OF_VALUES[one.kind]}.",
                    "Classify the column as confidential in the contract and run `meshwright access apply`, or remove it.",
                    f"{port.name}: {field.name}",
                )
        if clean:
            yield kept(f"No personal data was recognized in the {looked_at} columns that are classified below confidential.", port.name)  # fmt: skip


def _seen_by_somebody(record: Record) -> list[Column]:
    """Return the columns below confidential that some role sees unmasked; all of them if the policy cannot be read."""
    low = [column for column in record.columns if rank(column.classification) < CONFIDENTIAL]
    if not record.roles or _is_for_everybody(record):
        return low
    return [
        column
        for column in low
        if any(treatment(record, role, column) == CLEAR for role in record.roles.values())
    ]


class PersonalColumnsClassified(Fitness):
    """Are columns whose tags, names or examples indicate personal data classified as confidential?

    The classification decides who sees a column. A public column with the tag `pii` contradicts itself.
    """

    characteristic = "secure"
    severity = "high"

    def is_about_documents(self, record: Record) -> bool:
        return True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        columns = product.record.columns
        if not columns:
            yield unknown("The contract describes no columns of the data set.")
            return
        wrong = {
            column.name: why
            for column in columns
            if rank(column.classification) < CONFIDENTIAL
            and (why := _personal(column, product.record.dataset))
        }
        for name, why in list(wrong.items())[:PLACES]:
            yield broken(
                f"The column {as_text(name)} {why}, but is classified below confidential.",
                "Classify it as confidential in the contract, and run `meshwright access apply`.",
                name,
            )
        if not wrong:
            yield kept(f"None of the {len(columns)} columns is marked as personal and classified below confidential.")  # fmt: skip


def _personal(column: Column, dataset: str) -> str:
    tags = [tag for tag in column.tags if tag.casefold() in SAYS_PERSONAL]
    if tags:
        return f"has the tag {tags[0]}"
    examples = [
        str(one) for one in column.examples if isinstance(one, str | int) and not isinstance(one, bool)
    ]
    kinds = recognized(column.name, column.logical_type, examples, dataset)
    if not kinds:
        return ""
    if kinds[0].named:
        return "has a typical name of personal data"
    return f"has examples in the contract of which {kinds[0].count} of {kinds[0].of} are or contain {KINDS_OF_VALUES[kinds[0].kind]}"


class EveryColumnClassified(Fitness):
    """Does the contract classify every column?

    A column without a classification counts as secret: this is safe, but useless, until a person decides.
    """

    characteristic = "secure"
    severity = "medium"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        columns = product.record.columns
        bare = [column.name for column in columns if not column.stated]
        if not columns:
            yield unknown("The contract describes no columns of the data set.")
        elif bare:
            yield broken(
                f"{len(bare)} of {len(columns)} columns have no classification: {some(bare)}.",
                "Give each of them a `classification` in the contract: public, internal, confidential or secret.",
            )
        else:
            yield kept(f"Each of the {len(columns)} columns is classified.")


class PolicyAsNarrowAsNeeded(Fitness):
    """Does the access policy grant no more than needed?

    A clearance above all data of the product lets a role see anything that is added later. An agreement with everybody
    is not an agreement. Use open access instead, or neither.
    """

    characteristic = "secure"
    severity = "medium"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        if not record.roles:
            yield unknown("There is no policy with roles.")
            return
        clean = True
        highest = max(
            [rank(record.classification), *(rank(column.classification) for column in record.columns)]
        )
        for name, role in record.roles.items():
            clearance = role.get("clearance")
            above = [one for one in clearance if isinstance(one, str) and rank(one) > highest] if isinstance(clearance, list) else []  # fmt: skip
            if above:
                clean = False
                yield broken(
                    f"The role {as_text(name)} has clearance for {some(above)}, but the product has no such data.",
                    "Remove it from the role's clearance until the role needs it.",
                    as_text(name),
                )
        for reader in record.readers:
            if record.access_mode != "open" and any(EVERYBODY.fullmatch(one) for one in reader.principals):
                clean = False
                yield broken(
                    f"The agreement {as_text(reader.agreement)} is with everybody.",
                    "List the groups or the people who read, or make access open.",
                    as_text(reader.agreement),
                )
        if clean:
            yield kept(f"None of {len(record.roles)} roles has clearance above the product's data, and no agreement is with everybody.")  # fmt: skip


class NoCredentialsPublished(Fitness):
    """Are spec, contract, policy, agreement and addresses free of credentials?

    The catalog shows these documents to everybody, and keeps every version.
    """

    characteristic = "secure"
    severity = "critical"

    def is_about_documents(self, record: Record) -> bool:
        return True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        clean = True
        for part in ("product", "contract", "policy", "agreement", "addresses"):
            document = record.get(part)
            text = (
                document
                if isinstance(document, str)
                else json.dumps(document, ensure_ascii=False, default=str)
            )
            kinds = {kind for _, kind in secrets_in(f"{part}.md", text.encode())}
            for what in sorted(kinds):
                clean = False
                yield broken(
                    f"It contains what looks like {what}.",
                    "Revoke it now, take it out, and read it from the environment: ${VARIABLE}.",
                    part,
                )
        if clean:
            yield kept(
                "The published documents contain nothing that looks like a key, a token or a password."
            )
