"""The fitness functions that come with Meshwright: a module for each characteristic."""
