"""The product's pipeline: ingest, transform, verify, publish."""
