"""What a source holds: tables, columns, keys and values of files, databases, dbt projects and repositories, read-only."""
