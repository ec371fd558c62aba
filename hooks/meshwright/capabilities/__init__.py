"""`meshwright capabilities`: the registry, listed and explained."""
