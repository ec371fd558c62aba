"""Delta Sharing: what an agreement shows of a file port, by the open protocol.

A share is a domain, a schema a product, a table an output port. Whoever holds the token of an agreement reads the copy
of the agreement's role, as `meshwright access apply` last wrote it, for as long as the port itself lets them in.
https://github.com/delta-io/delta-sharing/blob/main/PROTOCOL.md
"""
