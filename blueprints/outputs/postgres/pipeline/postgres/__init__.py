"""What `postgres@1` consists of."""
