"""Columns with the right label: what kind of personal data they hold, if any; one part to tune, and one held out.

The hand-written columns are in two text files; the generated ones come from Faker and fixed seeds: other countries in each
part. A label is what is true of the column, not what any recognition answers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from faker import Faker

ROWS = 30
LOCALES = {
    "tuning": ("en_US", "de_DE", "fr_FR", "it_IT", "pl_PL", "fi_FI", "no_NO", "pt_BR", "de_CH", "ro_RO", "cs_CZ"),
    "held_out": ("en_GB", "de_AT", "fr_CH", "es_ES", "nl_NL", "sv_SE", "en_CA", "zh_CN", "et_EE", "hr_HR", "da_DK"),
}  # fmt: skip
IDS = {
    "tuning": ("en_US", "fr_FR", "it_IT", "pl_PL", "fi_FI", "no_NO", "pt_BR", "de_CH", "ro_RO"),
    "held_out": ("en_GB", "fr_CH", "es_ES:nif", "nl_NL", "sv_SE", "en_CA", "zh_CN", "et_EE", "hr_HR"),
}  # fmt: skip
"""Countries whose identity numbers Faker makes with their check digits."""


@dataclass(frozen=True)
class Labelled:
    """A column with its label."""

    label: str
    """A kind of personal data, kinds separated by `/`, or `-`."""
    table: str
    name: str
    type: str
    values: tuple[str, ...]

    @property
    def is_personal(self) -> bool:
        return self.label != "-"


def columns(part: str) -> list[Labelled]:
    """Return the columns of a part: `tuning` or `held_out`."""
    return [*written(part), *generated(part)]


def written(part: str) -> Iterator[Labelled]:
    """Yield the columns that are written by hand."""
    for line in Path(__file__).with_name(f"{part}.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            label, table, name, type_, values = line.split(" | ", 4)
            yield Labelled(label, table, name, type_, tuple(values.split(" ; ")))


def generated(part: str) -> Iterator[Labelled]:
    """Yield columns with plain names and names that say nothing, with values of many countries."""
    draw = random.Random(f"{part} 19")  # noqa: S311 - not for secrets
    first = part == "tuning"
    for number, locale in enumerate(LOCALES[part]):
        fake = Faker(locale)
        fake.seed_instance(number + (0 if first else 1000))

        def several(make: Callable[[], object], rows: int = ROWS) -> tuple[str, ...]:
            return tuple(str(make()) for _ in range(rows))

        yield Labelled(
            "phone", "people", "phone" if first else "contact_phone", "VARCHAR", several(fake.phone_number)
        )
        yield Labelled("email", "t", f"f{number}", "VARCHAR", several(fake.ascii_free_email))
        yield Labelled("name", "people", "full_name" if first else "name", "VARCHAR", several(fake.name))
        yield Labelled(
            "birth", "people", "dob" if first else "birthdate", "DATE", several(fake.date_of_birth)
        )
        if locale not in ("zh_CN",):
            yield Labelled("bank account", "t", f"a{number}", "VARCHAR", several(fake.iban))
        texts = [fake.sentence() for _ in range(ROWS)]
        yield Labelled("-", "t", f"s{number}", "VARCHAR", tuple(texts))
        place = draw.randrange(ROWS)
        inside = f"{texts[place]} {fake.ascii_free_email()} {fake.word()}"
        yield Labelled("email", "t", f"n{number}", "VARCHAR", (*texts[:place], inside, *texts[place + 1 :]))
        yield Labelled("-", "places", "city", "VARCHAR", several(fake.city))
        yield Labelled("-", "firms", "company", "VARCHAR", several(fake.company))
    for number, entry in enumerate(IDS[part]):
        locale, _, provider = entry.partition(":")
        fake = Faker(locale)
        fake.seed_instance(number + (50 if first else 1050))
        make = getattr(fake, provider or "ssn")
        yield Labelled("national id", "t", f"i{number}", "VARCHAR", tuple(make() for _ in range(ROWS)))
    fake = Faker("en_US")
    fake.seed_instance(7 if first else 1007)
    yield Labelled("card", "t", "k", "VARCHAR", tuple(fake.credit_card_number("visa") for _ in range(ROWS)))
    yield Labelled("network address", "t", "a", "VARCHAR", tuple(fake.ipv4_public() for _ in range(ROWS)))
    yield Labelled("network address", "t", "b", "VARCHAR", tuple(fake.ipv6() for _ in range(ROWS)))
    yield from _things(fake, draw)


def _things(fake: Faker, draw: random.Random) -> Iterator[Labelled]:
    """Yield columns of things whose values have the form of something personal."""
    makers: dict[str, Callable[[], object]] = {
        "sku": lambda: fake.bothify("??-####-###"),
        "article": lambda: draw.randrange(10**7, 10**8),
        "order_number": lambda: draw.randrange(10**9, 10**10),
        "reference": lambda: (
            f"{draw.randrange(10**3):03}-{draw.randrange(10**3):03}-{draw.randrange(10**4):04}"
        ),
        "document": lambda: f"0{draw.randrange(10**3, 10**4)}/{draw.randrange(10**5, 10**6)}",
        "eleven": lambda: draw.randrange(10**10, 10**11),
        "thirteen": lambda: draw.randrange(10**12, 10**13),
        "sixteen": lambda: draw.randrange(10**15, 10**16),
        "ean": fake.ean13,
        "isbn": fake.isbn13,
        "hash": fake.sha256,
        "md5": fake.md5,
        "uuid": fake.uuid4,
        "version": lambda: ".".join(str(draw.randrange(20)) for _ in range(4)),
        "at": lambda: fake.date_time().isoformat(),
        "epoch": lambda: int(fake.unix_time()),
        "epoch_ms": lambda: int(fake.unix_time()) * 1000,
        "latitude": fake.latitude,
        "position": lambda: f"{fake.latitude()}, {fake.longitude()}",
        "amount": lambda: f"{draw.uniform(0, 10**6):.2f}",
        "url": fake.url,
        "path": fake.file_path,
        "colour": fake.color_name,
        "job": fake.job,
        "license": lambda: fake.bothify("LIC-########"),
        "currency": fake.currency_code,
    }
    for name, make in makers.items():
        yield Labelled("-", "things", name, "VARCHAR", tuple(str(make()) for _ in range(ROWS)))
