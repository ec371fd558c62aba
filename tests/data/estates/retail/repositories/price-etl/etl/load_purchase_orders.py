"""Load yesterday's purchase orders from the ERP."""

import oracledb
import pandas as pd
from sqlalchemy import create_engine

QUERY = "select ebeln, lifnr, werks, matnr, menge, netpr, bedat, eindt from erp.purchase_orders where bedat = trunc(sysdate) - 1"


def main() -> None:
    with oracledb.connect(user="etl", dsn="erp.example.org/ERPPROD") as erp:
        orders = pd.read_sql(QUERY, erp)
    target = create_engine("postgresql+psycopg://etl@warehouse.example.org/warehouse")
    orders.to_sql("erp_purchase_orders", target, schema="raw", if_exists="append", index=False)


if __name__ == "__main__":
    main()
