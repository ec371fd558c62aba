"""Many products: where they come from, how they depend on each other, what they inherit and how they score."""
