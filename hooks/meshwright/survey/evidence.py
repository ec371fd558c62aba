"""The evidence for a candidate, in sentences: keys, references, size, freshness, who reads and writes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshwright.inspection.file_listing import is_bucket
from meshwright.inspection.model import Activity, Table
from meshwright.survey.columns import change_column
from meshwright.survey.estate import Estate
from meshwright.survey.model import Candidate, Note

SHOWN = 6
"""Names in a sentence at most."""


def evidence(candidate: Candidate, estate: Estate) -> Iterator[str]:
    """Yield what speaks for a candidate."""
    main = candidate.main.table
    model = estate.models.get(candidate.main.id)
    keys = [key for key in (main.primary_key, *main.unique_keys) if key]
    if model and not keys:
        keys = [key for key in (model[1].table.primary_key, *model[1].table.unique_keys) if key]
    if keys:
        kind = "primary key" if main.primary_key else "key"
        also = f"; also {', '.join(' + '.join(key) for key in keys[1:3])}" if len(keys) > 1 else ""
        yield f"{kind} {' + '.join(keys[0])}{also}"
    for part in candidate.parts[1:]:
        yield f"{part.role} {part.id}: {part.reason}"
    if main.is_view and main.reads_from:
        yield f"a view of {_some(main.reads_from)}"
    if model:
        source, made = model
        yield f"made by the dbt project {source.name}: {made.path}"
    elif main.reads_from and not main.is_view:
        yield f"computed from {_some(main.reads_from)}"
    if candidate.reads:
        yield f"its data comes from {_some(candidate.reads)}"
    source = estate.source_of[candidate.main.id]
    if path := source.paths.get(main.name):
        yield f"files {path}"
        if is_bucket(path):
            yield "`meshwright draft` reads no buckets: fetch some of these files, and draft from them"
    if main.rows is not None:
        yield f"about {main.rows:,} rows"
    yield from _use(main, estate.notes.get(candidate.main.id, ()))
    if candidate.also:
        yield f"also shown by {_some(candidate.also)}"


def _use(table: Table, notes: Sequence[Note]) -> Iterator[str]:
    activity = table.activity or Activity()
    if activity.last_write:
        yield f"last changed {activity.last_write:%Y-%m-%d %H:%M} UTC"
    if column := change_column(table):
        yield f"{column} may tell how fresh it is"
    since = f" since {activity.since:%Y-%m-%d}" if activity.since else ""
    if activity.writes:
        yield f"{activity.writes:,} rows written{since}"
    if activity.reads:
        yield f"{activity.reads:,} scans{since}" if activity.reads != 1 else f"one scan{since}"
    writers = [note.value for note in notes if note.kind == "writer"]
    readers = [note.value for note in notes if note.kind == "reader"]
    if activity.owner:
        yield f"owned by the role {activity.owner}"
    if activity.writers or writers:
        yield f"written by {_some([*activity.writers, *writers])}"
    if activity.readers or readers:
        yield f"read by {_some([*activity.readers, *readers])}"
    for note in notes:
        if note.kind == "freshness":
            yield f"expected at most {note.value} old ({note.origin})"
    schedules = dict.fromkeys(
        f"runs by schedule {note.value} ({note.origin})" for note in notes if note.kind == "schedule"
    )
    yield from schedules


def _some(names: Sequence[str]) -> str:
    unique = list(dict.fromkeys(names))
    more = f" and {len(unique) - SHOWN} more" if len(unique) > SHOWN else ""
    return ", ".join(unique[:SHOWN]) + more
