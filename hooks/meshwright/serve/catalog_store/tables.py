"""The catalog's tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text, select

FORMAT = 1
"""Of the tables. Another one is refused rather than guessed at."""

TABLES = MetaData()
STATE = Table(
    "state",
    TABLES,
    Column("one", Integer, primary_key=True),
    Column("format", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
)
PRODUCTS = Table(
    "products",
    TABLES,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("repository", Text, nullable=False),  # canonical
    Column("hash", Text, nullable=False),
    Column("version_hash", Text, nullable=False),
    Column("published_at", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("retired_at", Text),
    Column("reason", Text),
    Column("successor", Text),
    Column("revision", Integer, nullable=False, index=True),
)
VERSIONS = Table(
    "versions",
    TABLES,
    Column("number", Integer, primary_key=True),
    Column("product", ForeignKey(PRODUCTS.c.number), nullable=False),
    Column("hash", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("commit", Text, nullable=False),
    Column("published_at", Text, nullable=False),
    Column("record", Text, nullable=False),
    Index("versions_of_a_product", "product", "hash", unique=True),
)
TOKENS = Table(
    "tokens",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text),
    Column("revoked_at", Text),
)
ASSESSMENTS = Table(
    "assessments",
    TABLES,
    Column("number", Integer, primary_key=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("at", Text, nullable=False, index=True),
    Column("static", Integer, nullable=False),
    Column("score", Integer),
    Column("scores", Text, nullable=False),
    Column("functions", Text, nullable=False),
    Column("assessed", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON, compressed: ten thousand products are megabytes
)
SCORES = Table(
    "scores",
    TABLES,
    Column("assessment", ForeignKey(ASSESSMENTS.c.number), primary_key=True),
    Column("id", Text, primary_key=True, index=True),
    Column("score", Integer),
    Column("scores", Text, nullable=False),
    Column("results", Text, nullable=False),
)
SEARCH_TERMS = Table(
    "search_terms",
    TABLES,
    Column("number", ForeignKey(PRODUCTS.c.number), primary_key=True),
    Column("form", Integer, nullable=False),  # of the terms: those of another one are made again
    Column("terms", Text, nullable=False),
)
STANDINGS = Table(
    "standings",
    TABLES,
    Column("assessment", ForeignKey(ASSESSMENTS.c.number), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("standing", Text, nullable=False),
    Column("standings", Text, nullable=False),
    Column("known", Integer, nullable=False),
    Column("functions", Integer, nullable=False),
)
SHARED_READS = Table(
    "shared_reads",
    TABLES,
    Column("number", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("agreement", Text, nullable=False, index=True),
    Column("port", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("files", Integer, nullable=False),
    Column("client", Text, nullable=False),
)
RUN_EVENTS = Table(
    "run_events",
    TABLES,
    Column("number", Integer, primary_key=True),
    Column("product", Text, nullable=False),  # it may send events before it is published
    Column("run", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("received_at", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("columns", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # as it was sent, compressed
    Index("run_events_once", "product", "run", "type", unique=True),
    Index("run_events_complete", "type", "product", "number"),
)
SAMPLES = Table(
    "samples",
    TABLES,
    Column("product", ForeignKey(PRODUCTS.c.number), primary_key=True),
    Column("repository", Text, nullable=False),  # of the product when it was sent
    Column("sent_at", Text, nullable=False),
    Column("body", Text, nullable=False),
)
FOLLOWS = Table(
    "follows",
    TABLES,
    Column("number", Integer, primary_key=True),
    Column(
        "product", Text, nullable=False, index=True
    ),  # its id: a product that is retired is still followed
    Column("person", Text, nullable=False),
    Column("kind", Text, nullable=False),  # mail or webhook
    Column("target", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),  # whoever has it ends this, and can do nothing else
    Column("created_at", Text, nullable=False),
    Column("seen", Text, nullable=False),  # the state that was sent last, or that there was at the beginning
    Column("busy_until", Text, nullable=False),
    Index("follows_once", "person", "product", "kind", unique=True),
)
NEWEST = (ASSESSMENTS.c.at.desc(), ASSESSMENTS.c.number.desc())


def latest_number() -> Any:
    """The number of the latest assessment, as a statement."""
    return select(ASSESSMENTS.c.number).order_by(*NEWEST).limit(1)
