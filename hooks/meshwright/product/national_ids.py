"""Recognize the identity numbers of persons, by their check digits and the dates of birth in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import import_module
from math import comb

MOST = 200
"""Different values that are tested."""
FEWEST = 2
"""Values that pass."""
RARE = 1.5e-4
"""Probability with which random numbers may pass."""
FIRST = 8
"""Values after which a test that none has passed is given up."""


@dataclass(frozen=True)
class Strength:
    """What it takes for values to be numbers of persons, so that random ones are none."""

    chance: float
    """Share of random numbers that pass at most."""
    share: float
    """Share of all values that have to."""


SURE, LIKELY, WEAK = Strength(0.01, 0.3), Strength(0.04, 0.5), Strength(0.11, 0.85)
NUMBERS: tuple[tuple[Strength, str], ...] = (
    (
        SURE,
        "be.nn ch.ssn cn.ric ee.ik fi.hetu fr.nir gr.amka is_.kennitala it.codicefiscale kr.rrn mx.curp no.fodselsnummer"
        " ro.cnp se.personnummer si.emso za.idnr de.idnr",
    ),
    (LIKELY, "bg.egn br.cpf ec.ci es.dni+es.nie ie.pps lt.asmens pl.pesel tr.tckimlik dk.cpr my.nric"),
    (
        WEAK,
        "at.vnr ca.sin cl.rut cz.rc do.cedula gb.nhs hr.oib il.idnr in_.aadhaar jp.in_ nl.bsn pt.cc pt.nif th.pin",
    ),
)
"""Modules of python-stdnum, by the share of random numbers that they accept: about 1, 4 and 11 per cent at most."""
UNCHECKED = frozenset(["dk.cpr", "my.nric"])
"""Those that have a date of birth, and no check digit."""
OF_THINGS = frozenset("isbn issn ean gtin upc imei iccid sku vat".split())  # noqa: SIM905
"""Words in names of columns of other numbers with a check digit."""
_FORM = re.compile(r"(?=(.*\d){6})[0-9A-Z][0-9A-Za-z ./+-]{5,22}")
_DATED = re.compile(r"(\d{8}|\d{6})[-+A-Z ]?\d{2,5}[A-Z0-9]?")


_FORMS = (
    (re.compile(r"(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}"), ""),
    (re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]"), ""),
    (re.compile(r"\d{3}\.\d{3}\.\d{3}-\d{2}"), "br.cpf"),
    (re.compile(r"756\.\d{4}\.\d{4}\.\d{2}"), "ch.ssn"),
    (re.compile(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]"), "it.codicefiscale"),
    (re.compile(r"\d{6}[-+A-F]\d{3}[0-9A-FHJ-NPR-Y]"), "fi.hetu"),
    (re.compile(r"\d{2}\.\d{3}\.\d{3}-[\dkK]"), "cl.rut"),
    (re.compile(r"\d{8}-?[TRWAGMYFPDXBNJZSQVHLCKE]|[XYZ]-?\d{7}-?[TRWAGMYFPDXBNJZSQVHLCKE]"), "es.nie"),
    (re.compile(r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d"), "mx.curp"),
)
"""Forms that numbers of things rarely have, with the module that knows their check digits."""


def has_form_of_national_id(text: str) -> bool:
    """Return True for an identity number of a rare form, with its check digits if it has any."""
    for form, module in _FORMS:
        if form.fullmatch(text):
            module = "es.dni" if module == "es.nie" and text[0].isdecimal() else module
            return not module or _test(module)(text)
    return False


def are_national_ids(texts: Iterable[str], name: Sequence[str] = ()) -> bool:
    """Return True if texts are identity numbers of one country; `name`: the words of their column's name."""
    listed = list(dict.fromkeys(text.strip() for text in texts))[:MOST]
    formed = [text for text in listed if _FORM.fullmatch(text)]
    if len(formed) < SURE.share * len(listed) or len(formed) < FEWEST:
        return False
    return any(
        _pass(formed, len(listed), modules.split("+"), strength)
        for strength, several in NUMBERS
        if strength is not WEAK or not OF_THINGS.intersection(name)
        for modules in several.split()
    )


def are_national_numbers(numbers: Iterable[int], name: Sequence[str] = ()) -> bool:
    """Return True for the same as numbers, which have lost their leading zeros."""
    listed = [number for number in dict.fromkeys(numbers) if number > 0][:MOST]
    longest = max((len(str(number)) for number in listed), default=0)
    return any(
        are_national_ids((str(number).zfill(length) for number in listed), name)
        for length in (longest, longest + 1)
    )


def begin_with_births(texts: Iterable[str]) -> bool:
    """Return True if texts begin with dates on which a person may be born, of many years or days, and digits follow."""
    listed = list(dict.fromkeys(texts))[:MOST]
    matches = [_DATED.fullmatch(text) for text in listed]
    if len(listed) < FEWEST + 1 or not all(matches):
        return False
    births = [match is not None and _is_birth(match[1]) for match in matches]
    return sum(births) >= WEAK.share * len(listed) and _differ(
        [text[2:] if text.startswith(("19", "20")) else text for text in listed]
    )


def _pass(formed: Sequence[str], count: int, modules: Sequence[str], strength: Strength) -> bool:
    tests = [_test(module) for module in modules]
    good = 0
    for number, text in enumerate(formed):
        if number == FIRST and not good:
            return False
        good += any(test(text) for test in tests)
    if good < FEWEST or good < strength.share * count:
        return False
    by_chance = sum(
        comb(count, passed) * strength.chance**passed * (1 - strength.chance) ** (count - passed)
        for passed in range(good, count + 1)
    )
    if by_chance > RARE:
        return False
    return UNCHECKED.isdisjoint(modules) or _differ(formed)


def _differ(texts: Sequence[str]) -> bool:
    """Return True unless the texts begin alike, as timestamps and counted numbers do."""
    return len({text[:2] for text in texts}) >= min(8, max(3, len(texts) // 2))


def _is_birth(digits: str) -> bool:
    """Return True for a date in the order of its parts that countries use in numbers of persons."""
    today = date.today()
    if len(digits) == 8:
        orders = [digits, digits[4:] + digits[2:4] + digits[:2]]
    else:
        orders = [
            f"{century}{parts}"
            for parts in (digits, digits[4:] + digits[2:4] + digits[:2])
            for century in (19, 20)
        ]
    for order in orders:
        try:
            day = date(int(order[:4]), int(order[4:6]), int(order[6:]))
        except ValueError:
            continue
        if 1900 <= day.year <= today.year - 10:
            return True
    return False


@cache
def _test(module: str) -> Callable[[str], bool]:
    """Return the test of a module of python-stdnum."""
    test: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return test
