"""`meshwright access`: who may read a data product, decided from its repository and granted on real storage."""
