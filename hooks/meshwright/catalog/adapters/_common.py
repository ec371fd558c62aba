"""Functions for all adapters: texts within a catalog's limits, unique names, and descriptions of a record."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from meshwright.core.git import parts
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable
from meshwright.product.record import Person, Port, Record, ServiceLevel

LONG = 20_000
"""Maximum characters of a text, if the catalog documents no limit: enough for prose, not too much for its search."""
PARAGRAPH = 4_000
"""Maximum characters of one text within a page."""
SHORT = 256
"""Maximum characters of a name, if the catalog documents no limit."""
MANY = 1_000
"""Maximum number of columns, ports or inputs of one product."""

Settings = Mapping[str, tuple[str, str]]
"""Setting -> its default and description."""


def chosen(known: Settings, given: Mapping[str, str] | None) -> dict[str, str]:
    """Return the settings with their defaults. Raises Unreadable for an unknown setting."""
    values = {key: default for key, (default, _) in known.items()}
    for key, value in (given or {}).items():
        if key not in known:
            names = ", ".join(known) or "none"
            raise Unreadable(
                f"The setting {printable(key)[:100]!r} is unknown.",
                f"The settings of this catalog are: {names}.",
            )
        values[key] = value
    return values


def one_of(settings: Mapping[str, str], key: str, *allowed: str) -> str:
    """Return a setting that must be one of the allowed values. Raises Unreadable."""
    if settings[key] in allowed:
        return settings[key]
    raise Unreadable(
        f"The setting {key} is {printable(settings[key])[:100]!r}.", f"Give one of {', '.join(allowed)}."
    )


class TextLimiter:
    """Cleans and shortens texts; `notes` lists what was cut."""

    def __init__(self, catalog: str) -> None:
        self.catalog = catalog
        self.notes: list[str] = []

    def line(self, text: str, most: int, what: str) -> str:
        """Return one line of at most `most` characters."""
        return self._cut(" ".join(_clean(text[: 4 * most]).split()), len(text) > 4 * most, most, what)

    def lines(self, text: str, most: int, what: str) -> str:
        """Return the same for a text of several lines."""
        return self._cut(_clean(text[: most + 1], "\n\t"), False, most, what)

    def first(self, items: Any, what: str, most: int = MANY) -> list[Any]:
        """Return the first `most` items."""
        found = list(items)
        if len(found) > most:
            self.notes.append(f"Of {len(found):,} {what}, the first {most:,} are in {self.catalog}.")
        return found[:most]

    def _cut(self, text: str, longer: bool, most: int, what: str) -> str:
        if len(text) <= most and not longer:
            return text
        self.notes.append(f"{what} is cut to {most:,} characters in {self.catalog}.")
        return text[: most - 1] + "…"


def _clean(text: str, allowed: str = "") -> str:
    return "".join(map(_sign if not allowed else lambda sign: sign if sign in allowed else _sign(sign), text))


def _sign(sign: str) -> str:
    """Return a character that is safe in a text: control characters become a mark."""
    if sign.isprintable() or sign in "\u200c\u200d":  # joiners in scripts and emoji
        return sign
    return " " if sign.isspace() or unicodedata.category(sign) == "Zs" else "\ufffd"


def identifier(*words: str, most: int = 63, allowed: str = "a-z0-9_-", between: str = ".") -> str:
    """Return a name of several words with only allowed characters. A changed name gets a hash, so that names stay unique.

    `between` must not be allowed within a word; `most`: maximum characters, at least 20.
    """
    made = between.join(_word(word, allowed, between) for word in words)
    if len(made) <= most:
        return made
    return f"{made[: most - 9].rstrip('-_.')}-{_hash(between.join(words))}"


def _word(word: str, allowed: str, between: str) -> str:
    made = re.sub(f"[^{allowed}]+", "-", word[:SHORT]).strip("-_.")
    if made and made == word and (not between or between not in word):
        return made
    made = made.replace(between, "-") if between else made
    return f"{made[:40].strip('-_.') or 'x'}-{_hash(word)}"


def fitting(name: str, limiter: TextLimiter, most: int = 128, without: str = "") -> str:
    """Return a column's name unchanged if the catalog accepts it; otherwise a unique name of the maximum length."""
    made = " ".join(_clean(name[: 4 * most]).split())
    made = made.replace(without, "_") if without else made
    if made == name and len(name) <= most:
        return made
    limiter.notes.append(f"A column was renamed in {limiter.catalog}, which does not accept its name.")
    return f"{made[: most - 9]}-{_hash(name)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def web(repository: str) -> str:
    """Return the web address of a repository, from any address that git accepts; empty if unknown."""
    try:
        found = parts(repository)
    except ValueError:
        return ""
    if not found or not found[1] or not re.fullmatch(r"[A-Za-z0-9.-]{1,253}", found[0]):
        return ""
    return f"https://{found[0]}/{quote(found[1][:1000], safe='/~', errors='replace')}"


def person(who: Person) -> str:
    """Return a text such as `Ada Example <ada@example.org>`; empty if neither is known."""
    return f"{who.name} <{who.email}>".strip() if who.email else who.name


def location_of(port: Port) -> str:
    """Return where a port's data is, if others can use it; empty for a path on the machine of the run."""
    return port.location if "://" in port.location else ""


def level(promise: ServiceLevel) -> str:
    """Return a service level as text, with the last measurement."""
    of = f" of {promise.column}" if promise.column else ""
    text = f"{promise.name}: {promise.indicator}{of} {promise.objective}"
    if promise.over_time:
        text += f" ({promise.over_time.rstrip('.')})"
    if promise.kept is None:
        return text
    value = "nothing to measure" if promise.value is None else f"measured {promise.value:g} {promise.unit}"
    return f"{text}; {value}, {'kept' if promise.kept else 'not kept'}"


def facts(record: Record) -> dict[str, str]:
    """Return properties without a field in most catalogs: name -> one line. Unknown ones are missing."""
    found: dict[str, str] = {
        "productId": record.id,
        "version": record.version,
        "productType": record.type,
        "classification": record.classification,
        "accessMode": record.access_mode,
        "accessPolicy": _text_at(record, "product.spec.access.policy"),
        "owner": person(record.owner),
        "team": record.owner.team,
        "steward": person(record.steward),
        "dataSharingAgreement": _text_at(record, "product.spec.dataSharingAgreement.document"),
        "dataSharingAgreementVersion": _text_at(record, "product.spec.dataSharingAgreement.version"),
        "dataset": record.dataset,
        "contract": _text_at(record, "product.spec.dataset.contract"),
        "contractId": _text_at(record, "contract.id"),
        "contractVersion": _text_at(record, "contract.version"),
        "repository": record.repository,
        "commit": _text_at(record, "source.commit"),
    }
    found |= {
        f"distribution{key.capitalize()}": value for key, value in sorted(record.distribution_rights.items())
    }
    found |= {f"serviceLevel.{one.name}": level(one) for one in record.service_levels[:MANY]}
    found |= {f"input.{one.name}": f"{one.source} ({one.uses})" for one in record.inputs[:MANY]}
    found |= {f"output.{one.name}": f"{one.uses} {location_of(one)}".strip() for one in record.outputs[:MANY]}
    for case in record.use_cases[:MANY]:
        found[f"useCase.{case.name}"] = f"{', '.join(case.users)}: {case.action}"
    found["lastRun"] = last_run(record)
    return {key: value for key, value in found.items() if value}


def last_run(record: Record) -> str:
    """Return the result of the last run, in one line; empty if unknown."""
    outcome, at = _text_at(record, "quality.outcome"), _text_at(record, "quality.startedAt")
    if not outcome:
        return ""
    rows, checks = record.get("quality.rows"), record.get("quality.checks")
    counts = [
        f"{number} {what}" for number, what in ((rows, "rows"), (checks, "checks")) if isinstance(number, int)
    ]
    failed = record.get("quality.failed")
    if isinstance(failed, list) and failed:
        counts.append(f"{len(failed)} of them failed")
    return ", ".join([f"{outcome} at {at}", *counts])


def sections(record: Record) -> Iterator[tuple[str, list[str]]]:
    """Yield a page about the product: headings and lines, not escaped."""
    for heading, text in (
        ("", record.purpose), ("Usage", record.usage), ("Limitations", record.limitations)
    ):  # fmt: skip
        if text:
            yield heading, [text]
    rights = [f"{key} {value}" for key, value in sorted(record.distribution_rights.items())]
    agreement = _text_at(record, "product.spec.dataSharingAgreement.document")
    terms = [
        f"Classification: {record.classification}" if record.classification else "",
        f"Access: {record.access_mode}" if record.access_mode else "",
        f"Passing on to third parties: {', '.join(rights)}" if rights else "",
        f"Data sharing agreement: {agreement} {_text_at(record, 'product.spec.dataSharingAgreement.version')}"
        if agreement
        else "",
        f"Access policy: {_text_at(record, 'product.spec.access.policy')}" if record.access_mode else "",
    ]
    yield from _section("Terms", terms)
    who = [f"{role}: {person(one)}" for role, one in (("Owner", record.owner), ("Steward", record.steward)) if person(one)]  # fmt: skip
    yield from _section("Responsible", who)
    yield from _section("Service levels", [level(one) for one in record.service_levels[:MANY]])
    yield from _section("Last run", [last_run(record)])
    yield from _section(
        "Output ports",
        [f"{one.name}: {one.uses} {location_of(one)}".strip() for one in record.outputs[:MANY]],
    )
    yield from _section("Inputs", [f"{one.name}: {one.source}" for one in record.inputs[:MANY]])
    cases = [f"{one.name}: {one.action} ({', '.join(one.users)})" for one in record.use_cases[:MANY]]
    yield from _section("Use cases", cases)
    source = [f"Repository: {record.repository}" if record.repository else "", f"Version: {record.version}" if record.version else ""]  # fmt: skip
    yield from _section("Source", source)


def _section(heading: str, lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    kept = [line for line in lines if line]
    if kept:
        yield heading, kept


def as_markdown(record: Record, limiter: TextLimiter, most: int = LONG, what: str = "The description") -> str:
    """Return the page as Markdown; texts of the record are escaped."""
    made = []
    for heading, lines in sections(record):
        shown = [plain_markdown(limiter.line(line, PARAGRAPH, f"A text of {what.lower()}")) for line in lines]
        made.append(f"### {heading}" if heading else "")
        made += shown if len(shown) == 1 else [f"- {line}" for line in shown]
        made.append("")
    return _complete_lines(made, limiter, most, what)


def as_html(record: Record, limiter: TextLimiter, most: int = LONG, what: str = "The page") -> str:
    """Return the page as HTML; texts of the record are escaped."""
    made = []
    for heading, lines in sections(record):
        shown = [escape(limiter.line(line, PARAGRAPH, f"A text of {what.lower()}")) for line in lines]
        made += [f"<h3>{heading}</h3>"] if heading else []
        made += (
            [f"<p>{shown[0]}</p>"]
            if len(shown) == 1
            else [f"<ul>{''.join(f'<li>{line}</li>' for line in shown)}</ul>"]
        )
    return _complete_lines(made, limiter, most, what)


def _complete_lines(lines: list[str], limiter: TextLimiter, max_characters: int, subject: str) -> str:
    """Return as many complete lines as fit, because markup must not be cut in the middle."""
    kept, size = [], 0
    for line in lines:
        size += len(line) + 1
        if size > max_characters:
            limiter.notes.append(f"{subject} is cut to {max_characters:,} characters in {limiter.catalog}.")
            break
        kept.append(line)
    return "\n".join(kept).strip()


def plain_markdown(text: str) -> str:
    """Return a text with all Markdown escaped."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]|~])", r"\\\1", text)
    return re.sub(r"^([#+-]|\d+[.)])(?=\s)", r"\\\1", text)


def _text_at(record: Record, dotted: str) -> str:
    found = record.get(dotted)
    return found if isinstance(found, str) else ""


def same(desired: Any, actual: Any) -> bool:
    """Return True if the catalog has all desired values; values that it adds itself are ignored."""
    if isinstance(desired, Mapping):
        return isinstance(actual, Mapping) and all(
            same(value, actual.get(key)) for key, value in desired.items()
        )
    if isinstance(desired, list):
        return (
            isinstance(actual, list)
            and len(desired) == len(actual)
            and all(same(one, other) for one, other in zip(desired, actual, strict=True))
        )
    return bool(desired == actual)


def columns(record: Record, limiter: TextLimiter) -> list[Any]:
    """Return the contract's columns, without duplicate names."""
    seen: dict[str, Any] = {}
    for column in record.columns:
        seen.setdefault(column.name, column)
    return limiter.first((one for one in seen.values() if one.name), "columns")
