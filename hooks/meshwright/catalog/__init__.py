"""`meshwright catalog`: one product in, one record out, to the embedded catalog or to the one that a company has."""
