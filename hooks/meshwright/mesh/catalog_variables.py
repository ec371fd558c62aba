"""The environment variables with the catalog's address and token."""

TOKEN = "MESHWRIGHT_CATALOG_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable with the catalog's token; not an option, because process lists and logs would show it."""
ADDRESS = "MESHWRIGHT_CATALOG"
"""The environment variable with the catalog's address."""
FORGE_VARIABLE = "MESHWRIGHT_CATALOG_FORGE_TOKEN"
"""The environment variable with the token by which the embedded catalog opens pull requests."""
LOGIN_VARIABLE = "MESHWRIGHT_LOGIN_SECRET"
