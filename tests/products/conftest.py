"""Fixtures that several tests of products share."""

from readings import readings as readings
