"""`meshwright map`: the logical architecture of a mesh, from its specs alone."""
