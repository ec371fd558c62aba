"""The inputs that this product can use: one module a capability."""
