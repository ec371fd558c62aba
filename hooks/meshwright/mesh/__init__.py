"""Many products: where they come from, how they hang together, what they inherit and how they score."""
