"""Run in the environment that has DataHub's library: does what it is told, and says in JSON what became of it.

Arguments: the catalog's address, its token, patience; standard input: a list of {"do", "record"}.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from meshwright.catalog import CatalogConnection
from meshwright.catalog.adapters import datahub
from meshwright.core.yaml import Unreadable
from meshwright.product.record import Record

connection = CatalogConnection(sys.argv[1], sys.argv[2], patience=float(sys.argv[3]))
told = []
for step in json.load(sys.stdin):
    record = Record(step["record"])
    try:
        if step["do"] == "publish":
            told.append(asdict(datahub.publish(record, connection)))
        else:
            told.append(asdict(datahub.retire(record.id, connection, "Nobody reads it.", "a/b")))
    except Unreadable as error:
        told.append({"error": type(error).__name__, "said": str(error), "fix": error.fix})
json.dump(told, sys.stdout)
