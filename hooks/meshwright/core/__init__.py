"""What has no word of data products: YAML, text, files, HTTP, git, pages."""
