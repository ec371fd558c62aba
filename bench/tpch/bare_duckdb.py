"""What one would write without a data product: `python bare_duckdb.py SQL FOLDER TARGET`."""

import sys
from pathlib import Path

import duckdb

sql, folder, target = sys.argv[1:]
for table in Path(folder).iterdir():
    files = table if table.is_file() else table / "*.parquet"
    duckdb.execute(f"create view {table.stem} as from read_parquet('{files}')")
duckdb.execute(f"copy ({Path(sql).read_text()}) to '{target}' (format parquet, compression zstd)")
