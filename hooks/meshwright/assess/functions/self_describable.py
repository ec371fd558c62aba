"""Self-describable: whoever finds the product understands it without asking anybody."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from meshwright.assess import Fitness, Verdict, as_text
from meshwright.assess.evidence import Evidence
from meshwright.assess.verdicts import PLACES, broken, kept, some, unknown
from meshwright.assess.words import LITTLE, LONGEST, distinctive, split
from meshwright.product import metamodel
from meshwright.product.files import SPEC

PARTS = {"product": SPEC, "contract": "the contract", "policy": "the access policy"}
"""Part of the record -> what it is made of."""
AGREEMENT = 40
"""Signs; fewer say nothing of who may do what."""
FILLER = re.compile(metamodel.FILLERS, re.IGNORECASE)
FEWEST = 5
"""Words; fewer cannot be held against others."""
STEM = 5
"""Letters that two words of one family have in common: depart, departure, departed."""


class SpecReadable(Fitness):
    """Can spec, contract, access policy and sharing agreement be read?

    Everything else that is asked stands on these four. A document that no program can read is one that no catalog
    shows, no check holds to its promises and no person finds.
    """

    characteristic = "self-describable"
    severity = "critical"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        if record.problem:
            yield broken(
                f"A file of the product cannot be read: {as_text(record.problem)}",
                "Fix the file; `meshwright check` tells the place.",
            )
        for part, what in PARTS.items():
            if not isinstance(record.get(part), dict) or not record.get(part):
                yield broken(f"Of {what} nothing can be read.", f"Write {what}, and run `meshwright check`.", part)  # fmt: skip
        agreement = record.get("agreement")
        if not isinstance(agreement, str) or len(agreement.strip()) < AGREEMENT:
            yield broken(
                "There is no text of a data sharing agreement.",
                "Write the document that spec.dataSharingAgreement.document names.",
                "agreement",
            )
        else:
            yield kept("The text of the data sharing agreement is there.", "agreement")


class MetamodelKept(Fitness):
    """Does the product keep the rules of the metamodel?

    The twelve mandatory attributes and what belongs to them are what all products have in common; tools, catalogs and
    people rely on them without looking. Each rule that is broken is told once, with the first place where it is.
    """

    characteristic = "self-describable"
    severity = "high"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        by_rule: dict[str, list[str]] = defaultdict(list)
        fixes: dict[str, str] = {}
        for finding in product.findings:
            if finding.level == "error" and not _is_reported_elsewhere(
                finding.rule, finding.file, finding.message
            ):
                by_rule[finding.rule].append(f"{finding.file}: {finding.message}")
                fixes.setdefault(finding.rule, finding.fix)
        for rule, told in by_rule.items():
            more = f" ({len(told) - 1} more places.)" if len(told) > 1 else ""
            yield broken(f"The rule {rule} is broken. {as_text(told[0])}{more}", fixes[rule], rule)
        if not by_rule:
            where = "the repository" if product.record.root else "the record"
            yield kept(f"Every rule of the metamodel that can be held against {where} is kept.")


def _is_reported_elsewhere(rule: str, file: str, message: str) -> bool:
    """What SpecReadable and ContractIsStandard say already."""
    if rule == "Readable":
        return True
    if rule != "Shape":
        return rule == "ContractVersionSupported"
    return file.startswith("contract") or (
        file == "record" and message.split(" ")[0] in (*PARTS, "agreement")
    )


class PurposeSaid(Fitness):
    """Do purpose, usage and limitations say something about this product, in words of its own?

    Whoever reads only these three sentences decides whether to go on. `Provides data for analysis` could stand in every
    product, and helps nobody to tell this one from the next.
    """

    characteristic = "self-describable"
    severity = "medium"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        title = distinctive(f"{record.title} {record.name}".replace("-", " "))
        said = {"purpose": record.purpose, "usage": record.usage, "limitations": record.limitations}
        fewest = {"purpose": 3, "usage": 2, "limitations": 1}
        for name, text in said.items():
            fix = (
                f"Write into spec.description.{name} what holds for this product alone, in a sentence or two."
            )
            words = distinctive(text)
            if not text.strip():
                yield broken(f"Nothing is said about its {name}.", fix, name)
            elif FILLER.search(text) and len(words) <= 4:
                yield broken(f"Its {name} still waits to be written.", fix, name)
            elif len(words) < fewest[name] or (name == "purpose" and not words - title):
                yield broken(f"Its {name} could stand in every product: it says nothing of this one.", fix, name)  # fmt: skip
            elif [other for other in said if other != name and said[other].strip() == text.strip()]:
                yield broken(f"Its {name} repeats another of the three texts word for word.", fix, name)
            else:
                yield kept(f"What it says of its {name} is its own, in {len(split(text))} words.", name)


class DescriptionFitsData(Fitness):
    """Is the description about the data that the contract describes?

    A description that was copied from another product sends people to the wrong place. It is seen by this: neither
    title nor purpose, usage or limitations have a single word in common with the names and meanings of the columns.
    """

    characteristic = "self-describable"
    severity = "medium"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        said = distinctive(
            " ".join((record.title, record.purpose, record.usage, record.limitations))[:LONGEST]
        )
        tables = [table for table in record.get("contract.schema") or () if isinstance(table, dict)] if isinstance(record.get("contract.schema"), list) else []  # fmt: skip
        meanings = [text for column in record.columns for text in (column.name, column.description)]
        described = " ".join(
            (*meanings, record.dataset, *(str(table.get("description")) for table in tables))
        )
        about = described[:LONGEST].replace("_", " ").lower()
        if len(said) < FEWEST or about.count(" ") < FEWEST:
            yield unknown("Description or contract say too little to be held against each other.")
        elif not about.isascii() or not all(word.isascii() for word in said):
            yield unknown("Description and contract are written in letters that are not compared here.")
        elif any(f" {word[:STEM]}" in f" {about}" for word in said):
            yield kept("Title, purpose, usage and limitations speak of things that are in the columns, too.")
        else:
            yield broken(
                "Title, purpose, usage and limitations have no word in common with the columns and their meanings.",
                "Describe the data that the contract describes, in the words of its columns.",
            )


class ColumnsExplained(Fitness):
    """Does every column have a meaning that is more than its name again?

    `customer_id: the customer id` tells whoever reads it nothing that the name did not. Nor does one sentence that
    stands at several columns.
    """

    characteristic = "self-describable"
    severity = "medium"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        columns = product.record.columns
        if not columns:
            yield unknown("The contract describes no column of the data set.")
            return
        often = Counter(column.description.strip().casefold() for column in columns if column.description)
        wrong: dict[str, str] = {}
        for column in columns:
            said = column.description.strip()
            names = split(column.name.replace("_", " "))
            if not said or (len(said) < 20 and FILLER.fullmatch(said)):
                wrong[column.name] = "has no description"
            elif _repeats(said, names):
                wrong[column.name] = "has a description that only repeats its name"
            elif often[said.casefold()] > 2:
                wrong[column.name] = "shares its description word for word with others"
        for name, what in list(wrong.items())[:PLACES]:
            yield broken(f"The column {as_text(name)} {what}.", "Write in the contract what one value of it means, with unit and what an empty one stands for.", name)  # fmt: skip
        if len(wrong) > PLACES:
            yield broken(f"So it is with {len(wrong) - PLACES} more columns.", "Describe them in the contract.")  # fmt: skip
        if not wrong:
            yield kept(f"Each of the {len(columns)} columns is described in words that are more than its name.")  # fmt: skip


def _repeats(said: str, names: list[str]) -> bool:
    """Whether a description is the words of the name, in their order, and nothing else."""
    if said.count(" ") > 2 * len(names) + 4:
        return False
    words = [word for word in split(said) if word not in LITTLE]
    waiting = iter(names)
    return words == ["".join(names)] or all(
        any(name.removesuffix("s") == word.removesuffix("s") for name in waiting) for word in words
    )


class RowExplained(Fitness):
    """Does the contract say what one row is?

    Without it nobody knows what may be counted or joined: a flight, a leg of one, or a change of its schedule.
    """

    characteristic = "self-describable"
    severity = "low"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        schema = record.get("contract.schema")
        tables = [one for one in schema if isinstance(one, dict) and one.get("name") == record.dataset] if isinstance(schema, list) else []  # fmt: skip
        if not tables:
            yield unknown("The contract does not describe the data set of the spec.")
            return
        text = str(tables[0].get("description") or "")
        if len(distinctive(text) - set(split(record.dataset.replace("_", " ")))) < 2:
            yield broken(
                "The contract says nothing, or next to nothing, of what a row of the data set is.",
                "Give the data set in the contract a description that begins `One row for each …`.",
            )
        else:
            yield kept("The contract describes the data set as a whole.")


class ExamplesGiven(Fitness):
    """Are there examples of the data that can be seen before anybody is let in?

    One example answers what three sentences do not. They stand at the columns of the contract, or in the repository as
    a sample on which the product runs.
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
                "The contract has no examples, and whether the repository has a sample is not known here.",
                "Give a few columns of the contract `examples` that are nobody's data.",
            )
            return
        folder = record.root / "sample_data"
        sample = folder.is_dir() and any(
            path.is_file() and not path.name.startswith((".", "README")) for path in folder.iterdir()
        )
        if sample:
            yield kept("The repository has a sample of the data, in sample_data/.")
        else:
            yield broken(
                "Neither the contract has examples nor the repository a sample.",
                "Give a few columns of the contract `examples` that are nobody's data.",
            )
