"""Load the suppliers' price lists, which they send as Excel files."""

from pathlib import Path

import pandas as pd
from sqlalchemy import create_engine

WAREHOUSE = "postgresql+psycopg://etl@warehouse.example.org/warehouse"


def main() -> None:
    engine = create_engine(WAREHOUSE)
    for path in sorted(Path("feeds").glob("*.xlsx")):
        prices = pd.read_excel(path, sheet_name="Prices")
        prices["file_name"] = path.name
        prices.to_sql("supplier_prices", engine, schema="raw", if_exists="append", index=False)


if __name__ == "__main__":
    main()
