"""`meshwright rollout`: update every repository of a mesh to a release of the template."""
