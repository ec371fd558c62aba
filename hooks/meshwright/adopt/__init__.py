"""Bring an existing repository under the template: planned first, on a branch of its own, and nothing lost."""
