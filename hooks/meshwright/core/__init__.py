"""General building blocks without any knowledge of data products: YAML, text, files, HTTP, git, pages."""
