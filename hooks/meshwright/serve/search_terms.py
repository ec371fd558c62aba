"""The words by which a product is found: stems, so that a plural finds a singular, and where in its documents they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import snowballstemmer  # type: ignore[import-untyped]

from meshwright.mesh import tokenize
from meshwright.product import metamodel
from meshwright.product.record import Record, rank

FORM = 1
"""Of what `terms` returns: stored terms of another form are made again."""
WEIGHTS = {
    "title": 10.0,
    "names": 5.0,
    "labels": 4.5,
    "values": 4.0,
    "purpose": 3.0,
    "meaning": 2.5,
    "people": 2.0,
    "rest": 1.0,
}
"""Part of a product -> what a word there is worth: titles and columns come before prose."""
MOST = 20_000
"""Characters of one part that are read: a text may have a million."""
VALUES = 2_000
"""Values of lists that are read."""
EMPTY = frozenset(
    [
        "a",
        "about",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "do",
        "does",
        "each",
        "every",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "i",
        "in",
        "into",
        "is",
        "it",
        "its",
        "many",
        "me",
        "much",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "per",
        "show",
        "so",
        "some",
        "than",
        "that",
        "the",
        "their",
        "them",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "you",
        "your",
        "data",
        "dataset",
        "table",
        "get",
        "find",
        "list",
        "want",
        "need",
    ]
)
"""Words that say nothing of what is looked for; a query of nothing else is taken as it is."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SPELLINGS = (
    (re.compile(r"isation"), "ization"),
    (re.compile(r"is(e|ed|es|er|ing)$"), r"iz\1"),
    (re.compile(r"lys(e|ed|es|er|ing)$"), r"lyz\1"),
    (re.compile(r"(?<=\w{3})our(s|ed|ing)?$"), r"or\1"),
    (re.compile(r"(?<=\w{2})tre(s?)$"), r"ter\1"),
    (re.compile(r"programme"), "program"),
    (re.compile(r"licence"), "license"),
    (re.compile(r"logue(s?)$"), r"log\1"),
    (re.compile(r"aeroplane"), "airplane"),
)
"""British spelling -> American. What is changed too much is so on both sides."""
_STEMMER = snowballstemmer.stemmer("english")


@lru_cache(100_000)
def stem(word: str) -> str:
    """Return the stem of a lower-case word; numbers and codes are their own."""
    for pattern, spelling in _SPELLINGS:
        word = pattern.sub(spelling, word)
    return str(_STEMMER.stemWord(word))


def words(text: str) -> Iterator[str]:
    """Yield the words of a text, as they are compared: lower case, without accents, names in camel case taken apart."""
    return tokenize.words(_CAMEL.sub(" ", text))


def terms(record: Record) -> dict[str, list[str]]:
    """Return part -> the stems that stand there, each once."""
    return {
        part: sorted({stem(word) for text in texts for word in words(text[:MOST]) if word not in EMPTY})
        for part, texts in _texts(record).items()
    }


def shown_names(record: Record) -> dict[str, list[str]]:
    """Return the columns and values that a result can name when a word was found there."""
    return {
        "columns": [column.name[:100] for column in record.columns[:300]],
        "values": [value[:100] for value in islice(_values(record), 300)],
    }


def _texts(record: Record) -> dict[str, Iterable[str]]:
    """Return the parts of WEIGHTS and the texts of each."""
    cases = [text for case in record.use_cases for text in (case.name, case.action, *case.users)]
    people = [text for one in (record.owner, record.steward) for text in (one.name, one.team, one.email)]
    sources = [one.system or one.product.rpartition("/")[2] for one in record.inputs]
    return {
        "title": (record.title,),
        "names": (
            record.name,
            record.dataset,
            *(column.name for column in record.columns),
            *_business_names(record),
        ),
        "labels": (*record.tags, *(tag for column in record.columns for tag in column.tags)),
        "values": islice(_values(record), VALUES),
        "purpose": (record.purpose, *cases),
        "meaning": [column.description for column in record.columns],
        "people": (*people, record.domain, *sources),
        "rest": (
            record.usage,
            record.limitations,
            record.type,
            record.classification,
            *record.capabilities,
            *_described(record),
        ),
    }


def _business_names(record: Record) -> Iterator[str]:
    for table in _items(record.get("contract.schema")):
        yield from _strings(table.get("businessName"), table.get("name"))
        for column in _items(table.get("properties")):
            yield from _strings(column.get("businessName"))


def _described(record: Record) -> Iterator[str]:
    description = record.get("contract.description")
    if isinstance(description, Mapping):
        yield from _strings(*(description.get(key) for key in ("purpose", "usage", "limitations")))
    for table in _items(record.get("contract.schema")):
        yield from _strings(table.get("description"))


def _values(record: Record) -> Iterator[str]:
    """Yield the values that a column can have, and its examples."""
    for table in _items(record.get("contract.schema")):
        for column in _items(table.get("properties")):
            for rule in _items(column.get("quality")):
                arguments = rule.get("arguments")
                valid = arguments.get("validValues") if isinstance(arguments, Mapping) else None
                yield from _strings(*(valid if isinstance(valid, list) else ()))
            yield from _strings(*(one.get("value") for one in _items(column.get("enum"))))
    for known in record.columns:
        if rank(known.classification) <= rank(metamodel.OPEN_UP_TO):
            yield from _strings(*known.examples)


def _items(node: Any) -> Iterator[Mapping[str, Any]]:
    return (one for one in (node if isinstance(node, list) else ()) if isinstance(one, Mapping))


def _strings(*values: Any) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def written(record: Record) -> str:
    """Return what the catalog keeps of a record for its search, as JSON."""
    return json.dumps(
        {"terms": terms(record), **shown_names(record)}, ensure_ascii=False, separators=(",", ":")
    )
