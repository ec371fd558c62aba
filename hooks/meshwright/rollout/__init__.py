"""`meshwright rollout`: blueprint releases on their way to every repository of a mesh."""
