"""Who may read a data product: the decision, and the grants that follow from it.

`product_access` reads what is committed, `approval` says what of it counts, and `directory` who exists. `access_decisions`
makes of these what everybody should be able to read. `run` plans, applies and verifies that by `targets`, one for each
kind of storage; `exports` writes it for other engines.
"""
