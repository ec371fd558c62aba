"""`meshwright check`: the engine of the metamodel, and its rules."""
