"""Fixtures that several tests of PostgreSQL share."""

from postgres_port import code as code
from postgres_port import server as server
from readings import readings as readings
