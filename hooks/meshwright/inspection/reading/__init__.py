"""Copies of the modules with which a product reads and converts values, written by `make reference`."""
