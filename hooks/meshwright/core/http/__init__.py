"""The one HTTP client: retries, a token, proxies, and guards against servers that mean harm.

Nothing else builds HTTP: tests/unit/tools/test_one_way.py holds that.
"""

from meshwright.core.http.addresses import address, is_private, path, public_address, split
from meshwright.core.http.answers import Answer, NoAnswer, Reason, Refused, TooLarge
from meshwright.core.http.client import ANY, Http
from meshwright.core.http.connection import Resolve

__all__ = [
    "ANY",
    "Answer",
    "Http",
    "NoAnswer",
    "Reason",
    "Refused",
    "Resolve",
    "TooLarge",
    "address",
    "is_private",
    "path",
    "public_address",
    "split",
]
