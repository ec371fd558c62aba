"""The fitness functions of Meshwright: a module for each characteristic."""
