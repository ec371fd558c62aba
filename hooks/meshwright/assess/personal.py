"""Recognize personal data by its format: e-mail addresses, bank accounts and payment cards, with their check digits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

EMAIL = re.compile(r"([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64})@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}")
OF_NOBODY = re.compile(
    r"(info|contact|support|help|helpdesk|service|services|sales|office|admin|team|hello|mail|press|media|jobs|careers"
    r"|no-?reply|do-?not-?reply|postmaster|webmaster|hostmaster|abuse|security|privacy|billing|accounts?|orders?|booking|reservations?)"
    r"([.+_-].*)?",
    re.IGNORECASE,
)
"""Local parts of e-mail addresses that belong to an office, not a person."""
IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
CARD = re.compile(
    r"(4\d{12}(\d{3}){0,2}|(5[1-5]|2[2-7])\d{14}|3[47]\d{13}|(6011|65\d\d|64[4-9]\d)\d{12}|3(0[0-5]|[68]\d)\d{11})"
)
"""The number ranges of the large card schemes."""
SEPARATED = re.compile(r"[ -]")


def _is_email(value: str) -> bool | None:
    found = EMAIL.fullmatch(value.strip())
    return None if found is None else OF_NOBODY.fullmatch(found[1]) is None


def _is_iban(value: str) -> bool | None:
    plain = SEPARATED.sub("", value).upper()
    if not IBAN.fullmatch(plain):
        return None
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def _is_card(value: str) -> bool | None:
    plain = SEPARATED.sub("", value)
    if not CARD.fullmatch(plain):
        return None
    digits = [int(digit) for digit in reversed(plain)]
    total = sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return total % 10 == 0


KINDS: Mapping[str, tuple[Callable[[str], bool | None], float]] = {
    "e-mail addresses of people": (_is_email, 0.0),
    "bank account numbers (IBAN)": (_is_iban, 0.5),
    "payment card numbers": (_is_card, 0.9),
}
"""Kind -> test of a value (None: it does not have the format), and the minimum share among values in that format.
A check digit is correct by chance for one value in ten, or in a hundred."""
FEWEST = 2
"""Payment cards: a single number may be correct by chance."""


def found(values: Iterable[str]) -> Iterable[tuple[str, int]]:
    """Return the kinds of personal data among values, and the number of each."""
    values = list(values)
    for what, (test, share) in KINDS.items():
        judged = [result for value in values if len(value) <= 100 and (result := test(value)) is not None]
        good = sum(judged)
        if good and good >= share * len(judged) and (test is not _is_card or good >= FEWEST):
            yield what, good
