"""The parts of `postgres@1`."""
