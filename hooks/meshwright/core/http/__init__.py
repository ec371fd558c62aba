"""The one HTTP client: retries, a token, proxies, and guards against servers that mean harm.

Nobody else imports urllib3, http.client or urllib.request; a contract of import-linter and a test hold that.
"""

from meshwright.core.http.addresses import address, is_private, path, public_address, split
from meshwright.core.http.answers import Answer, NoAnswer, Reason, Refused, TooLarge
from meshwright.core.http.client import ANY, Http

__all__ = [
    "ANY",
    "Answer",
    "Http",
    "NoAnswer",
    "Reason",
    "Refused",
    "TooLarge",
    "address",
    "is_private",
    "path",
    "public_address",
    "split",
]
