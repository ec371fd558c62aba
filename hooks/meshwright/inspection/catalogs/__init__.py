"""Read the catalogs of databases, one module an engine."""
