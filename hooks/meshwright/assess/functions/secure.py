"""Secure: nobody reads what the access policy does not let them, looked at from where a stranger would."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial

from meshwright.assess import Fitness, Verdict, as_text, masking, personal
from meshwright.assess.evidence import Evidence
from meshwright.assess.storage import Absent, Blocker
from meshwright.assess.verdicts import PLACES, at_ports, broken, kept, some, unknown
from meshwright.product.record import Column, Port, Record, rank

CONFIDENTIAL = rank("confidential")
VALUES = 20_000
"""Different values of a column that are looked at."""
SAYS_PERSONAL = frozenset(
    {"pii", "personal", "personal-data", "personal_data", "personaldata", "gdpr", "phi", "spi"}
)
"""Tags that say so."""
CALLED_PERSONAL = re.compile(
    r"((customer|user|person|passenger|patient|employee|client|private|personal|home|contact)_)?"
    r"(e?_?mail(_address)?|ssn|social_security_number|iban|passport(_number|_no)?|date_of_birth|birth_?date|dob|credit_card(_number)?"
    r"|card_number|pan|phone(_number)?|mobile(_number)?|first_name|last_name|surname|full_name|home_address)",
    re.IGNORECASE,
)
EVERYBODY = re.compile(r"(group|id):(\*|all|any|anyone|anybody|everyone|everybody|public|all-users|allusers)", re.IGNORECASE)  # fmt: skip
SECRETS = {
    "a private key": (("PRIVATE KEY",), re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    "a key of AWS": (("AKIA", "ASIA"), re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b")),
    "a token of a forge": (
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-"),
        re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40}|glpat-[A-Za-z0-9_-]{20})"),
    ),
    "a key of a storage account": (("AccountKey=",), re.compile(r"AccountKey=[A-Za-z0-9+/=]{40}")),
    "a password in an address": (("://",), re.compile(r"://[^/\s:@\"'${}]{0,200}:[^/\s@\"'${}]{1,200}@")),
}
"""What must not be public -> texts that it cannot be without, and what it looks like."""


def _is_for_everybody(record: Record) -> bool:
    return record.access_mode == "open" or record.classification == "public"


class AnonymousReadRefused(Fitness):
    """Is somebody without credentials refused at every output port?

    It is tried: a request without credentials over http, an unsigned one to the bucket, a login without a password; of
    files on a machine it is asked whether its other accounts reach them. A product that is open to everybody may be
    read by everybody.
    """

    characteristic = "secure"
    severity = "critical"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        yield from at_ports(product, partial(self._tried, product))

    def _tried(self, product: Evidence, port: Port) -> Iterator[Verdict]:
        if _is_for_everybody(product.record):
            yield kept("The product is open to everybody, by its own word.", port.name)
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


class SensitiveColumnsHidden(Fitness):
    """Is what a role may not see hidden in what the role reads?

    For each role whose clearance does not cover every column, the very rows that the role reads are looked at: a column
    above its clearance is not there, or every value in it is masked as the policy says.
    """

    characteristic = "secure"
    severity = "critical"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        if not product.record.roles or not product.record.columns:
            yield unknown(
                "There is no policy with roles, or no contract with columns, to hold the data against."
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
        shall = {
            column.name: masking.treatment(record, record.roles[role], column) for column in record.columns
        }
        hidden = {name: mask for name, mask in shall.items() if mask != masking.CLEAR}
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
                    f"Agreements let somebody read in this role ({some(granted)}), and there is nothing yet that it reads.",
                    "Run `meshwright access apply`.",
                    place,
                )
            else:
                yield kept("Nobody was let in, and nothing was written for the role to read.", place)
            return
        there = {field.name for field in table.fields}
        wrong = [f"{name} is there" for name in sorted(there - shall.keys())]
        for name, mask in hidden.items():
            if name not in there:
                continue
            if mask is None:
                wrong.append(f"{name} is there")
            elif said := masking.unmasked(table, name, mask, partial(_values, product, port, name)):
                wrong.append(f"{name} {said}")
        if wrong:
            yield broken(
                f"The role sees more than it may: {some(wrong)}.",
                "Run `meshwright access apply`, and `meshwright access verify` after it.",
                place,
            )
        else:
            yield kept(f"{len(hidden)} columns above the role's clearance are not there, or are masked.", place)  # fmt: skip


def _values(product: Evidence, port: Port, column: str) -> list[str]:
    return list(product.table(port).texts(column, masking.LOOKED_AT))


class PersonalDataClassified(Fitness):
    """Is personal data that can be known by its form classified as confidential?

    The data itself is looked through, in columns that the contract classifies lower and that a role therefore sees as
    they are: for e-mail addresses of people, and for bank accounts and payment cards whose check digits are right.
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
            if field.name not in visible or not field.logical & {"string", "integer"}:
                continue
            looked_at += 1
            for what, count in personal.found(table.texts(field.name, VALUES)):
                clean = False
                yield broken(
                    f"{count} different values of the column {as_text(field.name)}, which is {visible[field.name].classification}, are {what}.",
                    "Classify the column as confidential in the contract and run `meshwright access apply`, or leave it out.",
                    f"{port.name}: {field.name}",
                )
        if clean:
            yield kept(f"In {looked_at} columns that are classified below confidential there is no personal data that can be known by its form.", port.name)  # fmt: skip


def _seen_by_somebody(record: Record) -> list[Column]:
    """The columns below confidential that a role sees as they are; all of them where the policy cannot be read."""
    low = [column for column in record.columns if rank(column.classification) < CONFIDENTIAL]
    if not record.roles or _is_for_everybody(record):
        return low
    return [
        column
        for column in low
        if any(masking.treatment(record, role, column) == masking.CLEAR for role in record.roles.values())
    ]


class PersonalColumnsClassified(Fitness):
    """Are columns confidential whose tags or names say that they hold personal data?

    The classification decides who sees a column. One that says `pii` and is public contradicts itself.
    """

    characteristic = "secure"
    severity = "high"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        columns = product.record.columns
        if not columns:
            yield unknown("The contract describes no column of the data set.")
            return
        wrong = {
            column.name: why
            for column in columns
            if rank(column.classification) < CONFIDENTIAL and (why := _personal(column))
        }
        for name, why in list(wrong.items())[:PLACES]:
            yield broken(
                f"The column {as_text(name)} {why}, and is classified below confidential.",
                "Classify it as confidential in the contract, and run `meshwright access apply`.",
                name,
            )
        if not wrong:
            yield kept(f"None of the {len(columns)} columns says that it is personal and is classified below confidential.")  # fmt: skip


def _personal(column: Column) -> str:
    tags = [tag for tag in column.tags if tag.casefold() in SAYS_PERSONAL]
    if tags:
        return f"has the tag {tags[0]}"
    return "is called as personal data is" if CALLED_PERSONAL.fullmatch(column.name) else ""


class EveryColumnClassified(Fitness):
    """Does the contract classify every column?

    A column without a classification counts as secret: safe, and useless. Somebody has to decide.
    """

    characteristic = "secure"
    severity = "medium"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        columns = product.record.columns
        bare = [column.name for column in columns if not column.stated]
        if not columns:
            yield unknown("The contract describes no column of the data set.")
        elif bare:
            yield broken(
                f"{len(bare)} of {len(columns)} columns have no classification: {some(bare)}.",
                "Give each of them a `classification` in the contract: public, internal, confidential or secret.",
            )
        else:
            yield kept(f"Each of the {len(columns)} columns is classified.")


class PolicyAsNarrowAsNeeded(Fitness):
    """Does the access policy let in nobody wholesale?

    A clearance above all that the product has lets a role see whatever comes later. An agreement with everybody is not
    an agreement. Both are for open products, or for none.
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
                    f"The role {as_text(name)} may see what is {some(above)}, and the product has nothing of that kind.",
                    "Take it out of the role's clearance until there is something that the role needs.",
                    as_text(name),
                )
        for reader in record.readers:
            if record.access_mode != "open" and any(EVERYBODY.fullmatch(one) for one in reader.principals):
                clean = False
                yield broken(
                    f"The agreement {as_text(reader.agreement)} is with everybody.",
                    "Name the group or the people who read, or make access open.",
                    as_text(reader.agreement),
                )
        if clean:
            yield kept(f"None of {len(record.roles)} roles may see more than there is, and no agreement is with everybody.")  # fmt: skip


class NoCredentialsPublished(Fitness):
    """Are spec, contract, policy, agreement and addresses free of credentials?

    The catalog shows them to everybody, and keeps every version.
    """

    characteristic = "secure"
    severity = "critical"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        clean = True
        for part in ("product", "contract", "policy", "agreement", "addresses"):
            said = record.get(part)
            text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, default=str)
            for what, (signs, pattern) in SECRETS.items():
                if any(sign in text for sign in signs) and pattern.search(text):
                    clean = False
                    yield broken(
                        f"Something that looks like {what} stands there.",
                        "Revoke it now, take it out, and read it from the environment: ${VARIABLE}.",
                        part,
                    )
        if clean:
            yield kept("Nothing that looks like a key, a token or a password stands in what is published.")
