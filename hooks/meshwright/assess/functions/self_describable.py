"""Self-describable: a reader understands the product without asking anybody."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from meshwright.assess import Fitness, Verdict, as_text, samples
from meshwright.assess.evidence import Evidence
from meshwright.assess.search_index import LITTLE, LONGEST, distinctive, split
from meshwright.assess.verdicts import PLACES, broken, kept, some, unknown
from meshwright.product import metamodel
from meshwright.product.files import SPEC
from meshwright.product.placeholder_text import is_placeholder
from meshwright.product.record import Record

PARTS = {"product": SPEC, "contract": "the contract", "policy": "the access policy"}
"""Part of the record -> its document."""
AGREEMENT = 40
"""Minimum characters of a data sharing agreement with any content."""
FILLER = re.compile(metamodel.FILLERS, re.IGNORECASE)
FEWEST = 5
"""Minimum words of a text for a comparison."""
STEM = 5
"""Common first letters of words of one family: depart, departure, departed."""


class SpecReadable(Fitness):
    """Can spec, contract, access policy and sharing agreement be read?

    All other questions depend on these four. If a document cannot be parsed, no catalog shows it, no check compares it
    with the data, and nobody finds it.
    """

    characteristic = "self-describable"
    severity = "critical"

    def is_about_documents(self, record: Record) -> bool:
        return not record.problem

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        if record.problem:
            yield broken(
                f"A file of the product cannot be read: {as_text(record.problem)}",
                "Fix the file; `meshwright check` shows the place.",
            )
        for part, what in PARTS.items():
            if not isinstance(record.get(part), dict) or not record.get(part):
                yield broken(f"No content of {what} can be read.", f"Write {what}, and run `meshwright check`.", part)  # fmt: skip
        agreement = record.get("agreement")
        if not isinstance(agreement, str) or len(agreement.strip()) < AGREEMENT:
            yield broken(
                "The data sharing agreement has no text.",
                "Write the document at the path in spec.dataSharingAgreement.document.",
                "agreement",
            )
        elif is_placeholder(agreement):
            yield broken("The data sharing agreement is still a placeholder.", "Write what consumers may do with the data.", "agreement")  # fmt: skip
        else:
            yield kept("The data sharing agreement has a text.", "agreement")


class MetamodelKept(Fitness):
    """Does the product keep the rules of the metamodel?

    Tools, catalogs and people rely on the twelve mandatory attributes and what belongs to them, which all products have
    in common. Each broken rule is reported once, with the first place.
    """

    characteristic = "self-describable"
    severity = "high"

    def is_about_documents(self, record: Record) -> bool:
        return record.root is None and not record.get("exceptions")  # those end on a day

    def check(self, product: Evidence) -> Iterator[Verdict]:
        by_rule: dict[str, list[str]] = defaultdict(list)
        fixes: dict[str, str] = {}
        for finding in product.findings:
            if finding.level in ("error", "excepted") and not _is_reported_elsewhere(
                finding.rule, finding.file, finding.message
            ):
                by_rule[finding.rule].append(f"{finding.file}: {finding.message}")
                fixes.setdefault(finding.rule, finding.fix)
        for rule, messages in by_rule.items():
            more = f" ({len(messages) - 1} more places.)" if len(messages) > 1 else ""
            yield broken(f"The rule {rule} is broken. {as_text(messages[0])}{more}", fixes[rule], rule)
        if not by_rule:
            where = "the repository" if product.record.root else "the record"
            yield kept(f"Every rule of the metamodel that applies to {where} is kept.")


def _is_reported_elsewhere(rule: str, file: str, message: str) -> bool:
    """Return True for findings that SpecReadable and ContractIsStandard report already."""
    if rule == "Readable":
        return True
    if rule != "Shape":
        return rule == "ContractVersionSupported"
    return file.startswith("contract") or (
        file == "record" and message.split(" ")[0] in (*PARTS, "agreement")
    )


class PurposeSaid(Fitness):
    """Are purpose, usage and limitations specific to this product?

    Readers decide by these three sentences whether to go on. `Provides data for analysis` fits every
    product, and does not distinguish this one.
    """

    characteristic = "self-describable"
    severity = "medium"

    def is_about_documents(self, record: Record) -> bool:
        return True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        title = distinctive(f"{record.title} {record.name}".replace("-", " "))
        texts = {"purpose": record.purpose, "usage": record.usage, "limitations": record.limitations}
        fewest = {"purpose": 3, "usage": 2, "limitations": 1}
        for name, text in texts.items():
            fix = (
                f"Write into spec.description.{name} what is specific to this product, in a sentence or two."
            )
            words = distinctive(text)
            if not text.strip():
                yield broken(f"Its {name} is missing.", fix, name)
            elif (FILLER.search(text) and len(words) <= 4) or is_placeholder(text):
                yield broken(f"Its {name} is still a placeholder.", fix, name)
            elif len(words) < fewest[name] or (name == "purpose" and not words - title):
                yield broken(f"Its {name} fits every product: it is not specific to this one.", fix, name)  # fmt: skip
            elif [other for other in texts if other != name and texts[other].strip() == text.strip()]:
                yield broken(f"Its {name} repeats another of the three texts word for word.", fix, name)
            else:
                yield kept(f"Its {name} is specific, in {len(split(text))} words.", name)


class DescriptionFitsData(Fitness):
    """Is the description about the data in the contract?

    A description copied from another product misleads people. It is recognized by this: title, purpose, usage and
    limitations have not a single word in common with the names and descriptions of the columns.
    """

    characteristic = "self-describable"
    severity = "medium"

    def is_about_documents(self, record: Record) -> bool:
        return True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        words = distinctive(
            " ".join((record.title, record.purpose, record.usage, record.limitations))[:LONGEST]
        )
        tables = [table for table in record.get("contract.schema") or () if isinstance(table, dict)] if isinstance(record.get("contract.schema"), list) else []  # fmt: skip
        meanings = [text for column in record.columns for text in (column.name, column.description)]
        described = " ".join(
            (*meanings, record.dataset, *(str(table.get("description")) for table in tables))
        )
        about = described[:LONGEST].replace("_", " ").lower()
        if len(words) < FEWEST or about.count(" ") < FEWEST:
            yield unknown("Description or contract have too few words to be compared.")
        elif not about.isascii() or not all(word.isascii() for word in words):
            yield unknown(
                "Description or contract have letters outside ASCII, so their words are not compared."
            )
        elif any(f" {word[:STEM]}" in f" {about}" for word in words):
            yield kept("Title, purpose, usage and limitations have words in common with the columns.")
        else:
            yield broken(
                "Title, purpose, usage and limitations have no word in common with the columns and their descriptions.",
                "Describe the data in the contract, with the words of its columns.",
            )


class ColumnsExplained(Fitness):
    """Does every column have a description that adds to its name?

    `customer_id: the customer id` adds nothing to the name. Nor does one sentence that is used
    for several columns.
    """

    characteristic = "self-describable"
    severity = "medium"

    def is_about_documents(self, record: Record) -> bool:
        return True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        columns = product.record.columns
        if not columns:
            yield unknown("The contract describes no columns of the data set.")
            return
        often = Counter(column.description.strip().casefold() for column in columns if column.description)
        wrong: dict[str, str] = {}
        for column in columns:
            meaning = column.description.strip()
            names = split(column.name.replace("_", " "))
            if not meaning or (len(meaning) < 20 and FILLER.fullmatch(meaning)):
                wrong[column.name] = "has no description"
            elif is_placeholder(meaning):
                wrong[column.name] = "has a placeholder as its description"
            elif _repeats(meaning, names):
                wrong[column.name] = "has a description that only repeats its name"
            elif often[meaning.casefold()] > 2:
                wrong[column.name] = "shares its description word for word with others"
        for name, what in list(wrong.items())[:PLACES]:
            yield broken(f"The column {as_text(name)} {what}.", "Describe in the contract what a value means, its unit, and the meaning of a missing value.", name)  # fmt: skip
        if len(wrong) > PLACES:
            yield broken(f"The same is true for {len(wrong) - PLACES} more columns.", "Describe them in the contract.")  # fmt: skip
        if not wrong:
            yield kept(f"Each of the {len(columns)} columns has a description that adds to its name.")  # fmt: skip


def _repeats(description: str, names: list[str]) -> bool:
    """Return True if a description consists only of the words of the name, in their order."""
    if description.count(" ") > 2 * len(names) + 4:
        return False
    words = [word for word in split(description) if word not in LITTLE]
    waiting = iter(names)
    return words == ["".join(names)] or all(
        any(name.removesuffix("s") == word.removesuffix("s") for name in waiting) for word in words
    )


class RowExplained(Fitness):
    """Does the contract define what one row is?

    Otherwise it is unknown what can be counted or joined: a flight, a leg of one, or a change of its schedule.
    """

    characteristic = "self-describable"
    severity = "low"

    def is_about_documents(self, record: Record) -> bool:
        return True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        schema = record.get("contract.schema")
        tables = [one for one in schema if isinstance(one, dict) and one.get("name") == record.dataset] if isinstance(schema, list) else []  # fmt: skip
        if not tables:
            yield unknown("The contract does not describe the data set of the spec.")
            return
        text = str(tables[0].get("description") or "")
        if len(distinctive(text) - set(split(record.dataset.replace("_", " ")))) < 2 or is_placeholder(text):
            yield broken(
                "The contract does not define, or hardly, what a row of the data set is.",
                "Give the data set in the contract a description that begins `One row for each …`.",
            )
        else:
            yield kept("The contract has a description of the data set.")


class ExamplesGiven(Fitness):
    """Are there examples of the data that people can see before they have access?

    One example explains more than three sentences. Examples are in the columns of the contract, or in the repository as
    the sample that the product runs on.
    """

    characteristic = "self-describable"
    severity = "low"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        given = [column.name for column in record.columns if column.examples]
        if given:
            yield kept(f"The contract has examples for {some(given)}.")
            return
        if record.root is None:
            yield unknown(
                "The contract has no examples, and it is unknown whether the repository has a sample.",
                "Give a few columns of the contract `examples`, without real people's data.",
            )
            return
        sample = samples.sample_of(record, record.root)
        if sample:
            yield kept(f"The repository has a sample of the data: {as_text(sample)}.")
        else:
            yield broken(
                "Neither the contract has examples, nor the repository a sample with rows that an input reads or the contract describes.",
                "Give a few columns of the contract `examples`, without real people's data.",
            )
