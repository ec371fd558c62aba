"""`meshwright capabilities`: list and explain the registry."""
