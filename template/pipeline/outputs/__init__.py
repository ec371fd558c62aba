"""The outputs that this product can use: one module a capability."""
