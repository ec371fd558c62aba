"""An MCP server over the catalog: programs and agents search, read contracts and lineage, and query under an agreement."""
