"""One data product, as its repository describes it: spec, contract, record, registry, schemas."""
