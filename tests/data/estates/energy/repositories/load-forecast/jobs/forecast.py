"""Forecast tomorrow's load of each grid area."""

import pandas as pd
from sqlalchemy import create_engine

ENGINE = create_engine("postgresql://forecast@billing.example.org/billing")


def main() -> None:
    intervals = pd.read_sql("select * from telemetry.smart_meter_intervals", ENGINE)
    forecast = intervals.groupby("grid_area").mean()
    forecast.to_sql("load_forecast", ENGINE, schema="analytics", if_exists="replace")
