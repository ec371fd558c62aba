"""Copy rosters from the payroll system, a Microsoft SQL Server."""

import polars as pl
import pyodbc

CONNECTION = "Driver={ODBC Driver 18 for SQL Server};Server=payroll.example.org;Database=Roster"


def main() -> None:
    with pyodbc.connect(CONNECTION) as payroll:
        shifts = pl.read_database(
            "select employee_no, department, starts_at, ends_at from dbo.Shift", payroll
        )
    shifts.write_parquet("s3://hospital-lake/rosters/shifts.parquet")
