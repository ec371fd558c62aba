"""The transforms that this product can use: one module a capability."""
