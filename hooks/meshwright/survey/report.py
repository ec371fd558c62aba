"""A survey as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshwright.core.text import printable
from meshwright.survey.document import delta, id_of
from meshwright.survey.model import Candidate, Survey

SHOWN = 8
"""Names of one line at most; JSON has all."""
WIDTH = 11
WORDS = {
    "NameGiven": "name",
    "DomainGiven": "domain",
    "DescriptionGiven": "description",
    "OwnerAndStewardNamed": "owner and steward",
    "AgreementReferenced": "data sharing agreement",
    "AccessModeChosen": "open or approval-required",
    "AccessPolicyPublished": "access policy",
    "ClassificationGiven": "classification",
    "DistributionRightsGiven": "distribution rights",
    "ServiceLevelsGiven": "service levels",
    "PortsGiven": "output port",
    "TypeGiven": "type",
}
"""Rule -> the attribute in words."""
OBVIOUS = {"NameGiven", "TypeGiven", "PortsGiven", "DomainGiven"}
"""Attributes that every candidate has from the survey itself."""


def as_text(survey: Survey) -> str:
    """Return the report; every text of the estate is printable."""
    if not survey.sources:
        return "\n".join(_unread(survey)).lstrip("\n") + "\n"
    lines = [*_summary(survey)]
    for candidate in survey.candidates:
        lines += ["", *_candidate(candidate, survey)]
    lines += [*_others(survey), *_needs(survey), *_left_out(survey), *_unread(survey)]
    return "\n".join(lines) + "\n"


def _summary(survey: Survey) -> Iterator[str]:
    counts = delta(survey)
    tables = sum(len(source.tables) for source in survey.sources)
    models = sum(len(source.models) for source in survey.sources)
    title = survey.domain or "no domain named (--domain NAME)"
    yield printable(
        f"{title}: {counts['there']} there, {counts['planned']} planned, {counts['missing']} missing"
    )
    read = f"{len(survey.sources)} source{'s' if len(survey.sources) != 1 else ''}, {tables:,} tables and {models:,} models"
    count = len(survey.left_out)
    more = f"; {count:,} {'is' if count == 1 else 'are'} no product, with reasons below" if count else ""
    yield f"{len(survey.candidates)} candidate{'s' if len(survey.candidates) != 1 else ''} in {read}{more}"
    doubtful = sum(bool(candidate.doubts) for candidate in survey.candidates)
    if doubtful:
        are, them = ("is", "it") if doubtful == 1 else ("are", "them")
        yield f"{doubtful} of the candidates {are} doubtful: look at {them} first"
    for source in survey.sources:
        if source.database and (variable := source.database.variable):
            yield printable(
                f"the commands take the password of {source.name} from {variable}: `export {variable}=…` first"
            )


def _candidate(candidate: Candidate, survey: Survey) -> Iterator[str]:
    yield printable(f"{candidate.state:8} {id_of(candidate, survey.domain)}  {candidate.type}")
    yield from _block("tables", [f"{part.id}{'' if part.role == 'main' else f' ({part.role})'}" for part in candidate.parts])  # fmt: skip
    yield from _block("evidence", candidate.evidence, cut=False)
    yield from _block("doubtful:", candidate.doubts, cut=False)
    derived = [
        f"{WORDS.get(one.rule, one.rule)}: {one.value} ({one.origin})"
        for one in candidate.attributes
        if one.state == "derivable" and one.rule not in OBVIOUS
    ]
    yield from _block("derivable", derived, cut=False)
    lacking = [WORDS.get(one.rule, one.rule) for one in candidate.attributes if one.state == "lacking"]
    if lacking:
        yield from _block("lacks", [", ".join(lacking)])
    hints = [f"{table.rpartition('.')[2]}.{column} ({kind})" for table, column, kind in candidate.sensitive]
    if hints:
        more = f" and {len(hints) - SHOWN} more" if len(hints) > SHOWN else ""
        yield from _block("sensitive", [", ".join(hints[:SHOWN]) + more])
    if candidate.needs:
        yield from _block("needs", [f"{', '.join(candidate.needs)}, to be read where it comes from"])
    first = [name for name in candidate.reads if candidate.commands and " draft " in candidate.commands[-1]]
    yield from _block("first", [f"make and run {', '.join(first)}"] if first else [])
    yield from _block("grant", [f"this account may not read it: {candidate.grants[0]}", *candidate.grants[1:]] if candidate.grants else [], cut=False)  # fmt: skip
    yield from _commands(candidate.commands)


def _commands(commands: Sequence[str]) -> Iterator[str]:
    for number, command in enumerate(commands):
        head = "make it" if number == 0 else ""
        if command.isprintable():
            yield f"  {head:{WIDTH}}{command}"
        else:
            yield f"  {head:{WIDTH}}(a path has characters that a terminal would interpret: --format json has the command)"


def _block(head: str, lines: Sequence[str], cut: bool = True) -> Iterator[str]:
    shown = lines[:SHOWN] if cut else lines
    for number, line in enumerate(shown):
        yield printable(f"  {head if number == 0 else '':{WIDTH}}{_short(line)}")
    if len(lines) > len(shown):
        yield f"  {'':{WIDTH}}and {len(lines) - len(shown)} more"


def _short(line: str) -> str:
    return line if len(line) <= 400 else f"{line[:399]}…"


def _others(survey: Survey) -> Iterator[str]:
    matched = {candidate.product for candidate in survey.candidates}
    rest = [product for product in survey.products if product.id not in matched]
    if rest:
        yield from ("", "Products that are there, and that no candidate is like:")
        for product in rest[:50]:
            yield printable(f"  {product.id}  {product.type}")
        yield from [f"  and {len(rest) - 50} more"] if len(rest) > 50 else []


def _needs(survey: Survey) -> Iterator[str]:
    if survey.needs:
        yield from ("", "Capabilities that are needed and that the registry does not have:")
    for need in survey.needs:
        yield printable(f"  {need.name}: {need.what}, used by {', '.join(need.origins[:3])}")
        if need.candidates:
            yield printable(f"    for {', '.join(need.candidates[:SHOWN])}")
        yield printable(f"    instead: {need.instead}")


def _left_out(survey: Survey) -> Iterator[str]:
    if survey.left_out:
        yield from ("", "No product:")
    by_reason: dict[str, list[str]] = {}
    for id, reason in survey.left_out:
        by_reason.setdefault(reason, []).append(id)
    for reason, ids in sorted(by_reason.items(), key=lambda one: (-len(one[1]), one[0])):
        more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
        yield printable(f"  {reason}: {', '.join(ids[:SHOWN])}{more}")


def _unread(survey: Survey) -> Iterator[str]:
    if survey.unread:
        yield from ("", "Not read:")
    for source, reason in survey.unread:
        yield printable(f"  {source}: {reason.removeprefix(f'{source}: ')}")
