"""What values show to be personal whatever their column is called, and harmless values that look alike."""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from drawn_sources import TableSource

from meshwright.draft.columns import Field
from meshwright.draft.plan import _input
from meshwright.draft.sample import choose, made_up
from meshwright.product.national_ids import are_national_numbers

COUNT = 30
DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def fields(columns: dict[str, tuple[str, Sequence[Any]]], table: str = "t1") -> dict[str, Field]:
    """The columns of a table (name -> type, values) as a draft treats them."""
    rows = list(zip(*(values for _, values in columns.values()), strict=True))
    source = TableSource(table, {name: type_ for name, (type_, _) in columns.items()}, rows)
    return dict(_input(table, source, source.profile()).fields)


def kind(values: Sequence[Any], type_: str = "VARCHAR", name: str = "x", table: str = "t1") -> str:
    return fields({name: (type_, values)}, table)[name].kind


def valid(module: str, make: Callable[[random.Random], str], count: int = COUNT) -> list[str]:
    """Different numbers that pass the check of a module of python-stdnum."""
    dice, is_valid = random.Random(7), import_module(f"stdnum.{module}").is_valid  # noqa: S311
    found: dict[str, None] = {}
    while len(found) < count:
        if is_valid(number := make(dice)):
            found[number] = None
    return [*found]


def digits(dice: random.Random, count: int) -> str:
    return "".join(dice.choice(DIGITS) for _ in range(count))


def born(dice: random.Random, order: str) -> str:
    parts = {"y": dice.randint(40, 99), "m": dice.randint(1, 12), "d": dice.randint(1, 28)}
    return "".join(f"{parts[part]:02}" for part in order)


IDS: dict[str, Callable[[random.Random], str]] = {
    "be.nn": lambda dice: born(dice, "ymd") + digits(dice, 5),
    "de.idnr": lambda dice: digits(dice, 11),
    "dk.cpr": lambda dice: f"{born(dice, 'dmy')}-{digits(dice, 4)}",
    "es.dni": lambda dice: digits(dice, 8) + dice.choice(LETTERS),
    "es.nie": lambda dice: dice.choice("XYZ") + digits(dice, 7) + dice.choice(LETTERS),
    "fi.hetu": lambda dice: f"{born(dice, 'dmy')}-{digits(dice, 3)}{dice.choice(DIGITS + LETTERS)}",
    "fr.nir": lambda dice: dice.choice("12") + born(dice, "ym") + "75" + digits(dice, 8),
    "it.codicefiscale": lambda dice: f"RSSMRA{dice.randint(40, 99)}{dice.choice('ABCDEHLMPRST')}{dice.randint(10, 28)}H501{dice.choice(LETTERS)}",
    "nl.bsn": lambda dice: digits(dice, 9),
    "no.fodselsnummer": lambda dice: born(dice, "dmy") + digits(dice, 5),
    "pl.pesel": lambda dice: born(dice, "ymd") + digits(dice, 5),
    "pt.nif": lambda dice: dice.choice("123") + digits(dice, 8),
    "ro.cnp": lambda dice: dice.choice("12") + born(dice, "ymd") + "12" + digits(dice, 4),
    "se.personnummer": lambda dice: f"{born(dice, 'ymd')}-{digits(dice, 4)}",
    "ch.ssn": lambda dice: f"756.{digits(dice, 4)}.{digits(dice, 4)}.{digits(dice, 2)}",
    "gb.nhs": lambda dice: digits(dice, 10),
}  # fmt: skip


WEAK_ONES = {"nl.bsn", "pt.nif", "gb.nhs"}
"""One random number in ten passes the check of these: other values beside them put it in doubt."""


@pytest.mark.parametrize("module", IDS)
def test_an_identity_number_is_one_as_a_text_and_as_a_number(module: str) -> None:
    values = valid(module, IDS[module])
    assert kind(values) == "national id"
    assert kind([*values[:27], "unknown", "-", values[3]], name="ref") == "national id"
    assert not fields({"code": ("VARCHAR", values)})["code"].values
    if module not in WEAK_ONES:
        assert kind([*values[:20], *(f"X-{number}" for number in range(20))]) == "national id"
    plain = [value.replace("-", "").replace(".", "") for value in values]
    if all(map(str.isdecimal, plain)):
        assert kind([int(value) for value in plain], "BIGINT", "nr", "orders") == "national id"
        assert kind([Decimal(value) for value in plain], "DECIMAL(38,0)", "nr") == "national id"
        with_missing = [None, *(float(value) for value in plain)]
        assert kind(with_missing, "DOUBLE", "nr") == "national id"


NESTED: dict[str, Callable[[int], Any]] = {
    "JSON": lambda number: json.dumps({"a": {"b": number}, "c": 1}),
    "STRUCT(a BIGINT, b STRUCT(c BIGINT))": lambda number: {"a": 1, "b": {"c": number}},
    "BIGINT[]": lambda number: [number],
}


@pytest.mark.parametrize("type_", NESTED)
def test_numbers_within_a_value_are_recognized_and_made_up(type_: str) -> None:
    numbers = [int(number) for number in valid("pl.pesel", IDS["pl.pesel"])]
    rows = [(place, NESTED[type_](number)) for place, number in enumerate(numbers)]
    source = TableSource("t1", {"id": "BIGINT", "x": type_}, rows)
    inputs = {"t1": _input("t1", source, source.profile())}
    assert inputs["t1"].fields["x"].kind == "national id"
    made = str(made_up({"t1": source}, inputs, choose({"t1": source}, inputs, ()), bytes(32)))
    assert not [number for number in numbers if str(number) in made]
    others = fields({"x": (type_, [NESTED[type_](10**10 + 7 * place) for place in range(COUNT)])})
    assert not others["x"].kind


@pytest.mark.parametrize("type_", ["BIGINT", "VARCHAR"])
def test_cards_are_recognized_under_any_name(type_: str) -> None:
    dice = random.Random(1)  # noqa: S311
    numbers = valid("luhn", lambda dice: "4" + digits(dice, 15))
    numbers += valid("luhn", lambda dice: f"3{dice.choice('47')}{digits(dice, 13)}")
    assert dice
    values = [int(number) if type_ == "BIGINT" else number for number in numbers]
    assert kind(values, type_, "ref", "bookings") == "card"


def test_random_and_counted_numbers_are_no_identity_numbers() -> None:
    dice = random.Random(11)  # noqa: S311
    for length in range(6, 17):
        first = int("1" + digits(dice, length - 1))
        assert not are_national_numbers(range(first, first + 100)), first
        for _ in range(20):
            assert not are_national_numbers(int("1" + digits(dice, length - 1)) for _ in range(12))
    epochs = [1_700_000_000 + 86_399 * number for number in range(400)]
    assert not are_national_numbers(epochs) and not are_national_numbers(second * 1000 for second in epochs)


KINDS: dict[str, tuple[str, list[str]]] = {
    "initials before": ("name", ["T. Okwuosa", "A. Brzęczyszczykiewicz", "J.P. van der Zande"]),
    "initials after": ("name", ["Okwuosa, T.", "Szczęsna, A.", "de Groot, J. P."]),
    "given names after a comma": ("name", ["Okwuosa, Thyrza", "Szczęsna, Zdzisława", "Groot, Jurre"]),
    "Chinese": ("name", ["王小明", "李娜", "欧阳建国"]),
    "Japanese": ("name", ["山田太郎", "佐藤 花子", "高橋 健"]),
    "Korean": ("name", ["김민준", "이서연", "박지후"]),
    "Russian": ("name", ["Иван Петров", "Анна Сергеевна Иванова", "Олег Кузнецов"]),
    "Greek": ("name", ["Γιώργος Παπαδόπουλος", "Μαρία Νικολάου", "Νίκος Γεωργίου"]),
    "Arabic": ("name", ["محمد العلي", "فاطمة الزهراء", "أحمد حسن"]),
    "Hebrew": ("name", ["דוד כהן", "שרה לוי", "משה פרץ"]),
    "diagnoses": ("health or belief", ["Asthma bronchiale", "Diabetes mellitus Typ 2", "Migräne", "gesund"]),
    "diagnoses in English": ("health or belief", ["Hypertension", "Rheumatoid arthritis", "None"]),
    "species": ("", ["Adelie", "Gentoo", "Chinstrap"]),
    "species in Latin": ("", ["P. adeliae", "P. papua", "P. antarcticus"]),
    "islands": ("", ["Biscoe", "Dream", "Torgersen"]),
    "states of orders": ("", ["new", "paid", "sent"]),
    "states in Russian": ("", ["новый", "оплачен", "отправлен"]),
    "sexes in Chinese": ("", ["男", "女"]),
    "sizes": ("", ["S", "M", "L", "XL"]),
    "carriers": ("", ["UA", "AA", "B6"]),
    "airports": ("", ["JFK", "LGA", "EWR"]),
    "colours": ("", ["red", "green", "blue"]),
    "drugs of no disease": ("", ["tablet", "capsule", "syrup"]),
    "things with the same ending": ("", ["Metamorphosis", "Symbiosis", "Diagnosis", "Prognosis"]),
}  # fmt: skip
"""What it is -> the kind, and a short list of values under a name that says nothing."""


@pytest.mark.parametrize("case", KINDS)
def test_a_short_list(case: str) -> None:
    expected, values = KINDS[case]
    found = fields({"x": ("VARCHAR", (values * COUNT)[:60]), "y": ("BIGINT", range(60))})["x"]
    assert (found.kind, bool(found.values)) == (expected, not expected)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("城市", ["北京市", "上海市", "广州市"]),
        ("city", ["北京", "上海", "广州"]),
        ("город", ["Нижний Новгород", "Великий Устюг", "Санкт Петербург"]),
        ("country", ["Саудовская Аравия", "Новая Зеландия"]),
        ("product", ["Wilson, Blue", "Spalding, Red"]),
        ("product_category", ["Arthritis", "Migraine", "Asthma"]),
        ("place", ["Austin, Texas", "Paris, France"]),
        ("состояние_заказа_статус", ["в пути", "на складе"]),
    ],
)
def test_a_name_that_says_what_the_values_are(name: str, values: list[str]) -> None:
    assert not kind((values * COUNT)[:60], name=name)


DICE = random.Random(5)  # noqa: S311
ORDERS = [f"ORD-{2024_0001 + number}" for number in range(COUNT)]
HARMLESS: dict[str, tuple[str, Sequence[Any]]] = {
    "order numbers": ("VARCHAR", ORDERS),
    "dated order numbers": ("VARCHAR", [f"202401{1 + n % 28:02}-{n:04}" for n in range(COUNT)]),
    "product codes": ("VARCHAR", [f"{DICE.choice(LETTERS)}{digits(DICE, 7)}" for _ in range(COUNT)]),
    "ISBN": ("VARCHAR", valid("isbn", lambda dice: "978" + digits(dice, 10))),
    "EAN": ("VARCHAR", valid("ean", lambda dice: "4" + digits(dice, 12))),
    "EAN as numbers": ("BIGINT", [int(one) for one in valid("ean", lambda dice: "4" + digits(dice, 12))]),
    "measures": ("DOUBLE", [DICE.random() * 1e9 for _ in range(COUNT)]),
    "amounts": ("DECIMAL(18,2)", [Decimal(digits(DICE, 11)) / 100 for _ in range(COUNT)]),
    "large numbers": ("BIGINT", [int("1" + digits(DICE, 10)) for _ in range(COUNT)]),
    "milliseconds": ("BIGINT", [1_704_067_200_000 + 61_003 * n for n in range(COUNT)]),
    "16 digits": ("BIGINT", [int("4" + digits(DICE, 15)) for _ in range(COUNT)]),
    "tail numbers": ("VARCHAR", [f"N{digits(DICE, 3)}UA" for _ in range(COUNT)]),
    "shelves": ("VARCHAR", [f"A{n % 9}{n % 7}.{n % 5}" for n in range(COUNT)]),
    "old dates": ("DATE", [datetime.date(1955 + n, 3, 1) for n in range(COUNT)]),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_harmless_values(case: str) -> None:
    type_, values = HARMLESS[case]
    assert not kind(values, type_, "ref", "orders")


def test_an_isbn_of_ten_digits_needs_its_name() -> None:
    values = [value for value in valid("isbn", lambda dice: digits(dice, 10), 60) if value.isdecimal()]
    assert not kind(values, name="isbn_10") and kind(values) == "national id"


PEOPLE = {
    "names": ["Thyrza Okwuosa", "Zdzislawa Szczesna", "Jurre van Dijk", "Wei Zhang"],
    "e-mail addresses": [f"a{number}@mail.example.com" for number in range(4)],
    "phone numbers": [f"+49 171 123456{number}" for number in range(4)],
    "identity numbers": valid("pl.pesel", IDS["pl.pesel"], 4),
}


@pytest.mark.parametrize("case", PEOPLE)
def test_a_column_of_people_makes_the_rows_people(case: str) -> None:
    others: dict[str, tuple[str, Sequence[Any]]] = {
        "a": ("DATE", [datetime.date(1941 + n, 2, 3) for n in range(40)]),
        "b": ("BIGINT", [491_710_000_000 + 7 * n for n in range(40)]),
        "c": ("VARCHAR", [f"{1941 + n}0{1 + n % 9}1{n % 9}-7{n:02}" for n in range(40)]),
        "d": ("VARCHAR", [("Z71.8", "F32.19")[n % 2] for n in range(40)]),
        "founded": ("DATE", [datetime.date(1941 + n, 2, 3) for n in range(40)]),
        "n": ("BIGINT", range(40)),
    }
    found = fields({**others, "x": ("VARCHAR", (PEOPLE[case] * 40)[:40])})
    assert {name: field.kind for name, field in found.items() if name != "x"} == {
        "a": "birth", "b": "phone", "c": "national id", "d": "health or belief", "founded": "", "n": "",
    }  # fmt: skip
    assert not any(field.kind for field in fields(others).values())


@pytest.mark.parametrize(
    "logins",
    [
        ["tokwuosa", "zszczesn", "jvandijk"],
        ["okwuosat", "szczesnaz", "dijkj"],
        ["thyrza.o", "zdzislawa7", "jurre_x"],
        ["thyrza-okwuosa", "zdzislawa-szczesna", "jurre-van-dijk"],
    ],
)
def test_user_names_beside_names(logins: list[str]) -> None:
    names = PEOPLE["names"][:3]
    others = ["new", "paid", "sent"]
    found = fields(
        {
            "x": ("VARCHAR", names * 20),
            "y": ("VARCHAR", logins * 20),
            "z": ("VARCHAR", others * 20),
            "n": ("BIGINT", range(60)),
        }
    )
    assert [found[name].kind for name in "xyz"] == ["name", "user name", ""]
    assert not found["y"].values and found["z"].values == ("new", "paid", "sent")


@pytest.mark.parametrize(
    ("name", "table", "values"),
    [
        ("email", "shops", ["info@a.example.org", "bern@a.example.org", "thun@a.example.org"]),
        ("telefon", "filialen", ["+41 44 123 45 67", "+41 31 123 45 67"]),
        ("pan", "products", ["Frying pan", "Wok"]),
        ("mobile", "sessions", ["yes", "no"]),
        ("version", "releases", ["1.2.3.4", "10.20.130.140"]),
        ("order_no", "orders", ["0171-1234567", "0171-1234568"]),
    ],
)
def test_what_is_of_things_and_offices_is_not_proposed(name: str, table: str, values: list[str]) -> None:
    assert kind(values * 2, name=name, table=table) == ""
