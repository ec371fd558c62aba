"""Copies of the modules with which a product reads, converts and compares values, written by `make reference`."""
