"""Helpers for dates and logging."""
