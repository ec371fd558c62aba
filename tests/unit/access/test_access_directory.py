"""The corporate directory in a file, what no directory may say, and the detection of one that has shrunk."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from mesh import write

from meshwright.access.directory import Snapshot, read
from meshwright.access.directory.shrink_detection import directory_state, shrink_alarm
from meshwright.access.grants import Principal
from meshwright.core.yaml import Unreadable

HEAD = "apiVersion: meshwright/v1\nkind: Directory\n"
GOOD = """\
principals:
  ada@example.org: {kind: human, name: Ada Example, attributes: {country: CH, trained: [privacy, export]}, logins: {postgres: ada}}
  bob@example.org: {kind: human}
  cyd@example.org: {kind: human}
  svc-punctuality: {kind: machine, logins: {aws: "arn:aws:iam::123456789012:role/punctuality"}}
groups:
  g-marketing: {members: [ada@example.org], groups: [g-brand]}
  g-brand: {members: [bob@example.org], groups: [g-marketing, g-brand]}
  g-nobody: {}
"""


def file(folder: Path, text: str) -> str:
    write(folder / "directory.yaml", HEAD + text)
    return str(folder / "directory.yaml")


def test_a_file_says_who_there_is_and_who_is_in_the_groups_that_are_asked_for(tmp_path: Path) -> None:
    found = read(file(tmp_path, GOOD), ["g-marketing", "g-nobody", "g-unheard-of"])
    assert found.groups == {
        "g-marketing": frozenset({"ada@example.org", "bob@example.org"}),
        "g-nobody": frozenset(),
    }
    assert found.complete
    assert list(found.principals) == [
        "ada@example.org",
        "bob@example.org",
        "cyd@example.org",
        "svc-punctuality",
    ]
    ada, machine = found.principals["ada@example.org"], found.principals["svc-punctuality"]
    assert (ada.id, ada.kind, ada.name) == ("ada@example.org", "human", "Ada Example")
    assert ada.attributes == {"country": "CH", "trained": ("privacy", "export")}
    assert (ada.login("postgres"), ada.login("trino")) == ("ada", "ada@example.org")
    assert machine.kind == "machine"


@pytest.mark.parametrize("name", ["G-Marketing", "g-marketing ", "g*", "", "g-mark\u0435ting"])
def test_a_group_is_found_by_its_exact_name_only(tmp_path: Path, name: str) -> None:
    assert read(file(tmp_path, GOOD), [name]).groups == {}


NFC, NFD = "zoë@example.org", unicodedata.normalize("NFD", "zoë@example.org")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("principals: {}\nldap: {url: a, people: {base: b, filter: (c=d), id: e}, groups: {base: f, filter: (g=h)}}", 4, "more than one"),
        ("groups: {}", 1, "holds no directory"),
        ("scim: {url: 'https://id.example.org'}\ngroups: {}", 4, "there are none"),
        ("principals: {a: {kind: robot}}", 3, "robot"),
        ("principals: {a: {kind: human, nmae: A}}", 3, "nmae is unknown"),
        ("principal: {a: {kind: human}}", 3, "principal is unknown"),
        ("principals:\n  a: {kind: human}\n  a: {kind: human}", 5, "twice"),
        ("principals:\n  a: {kind: human}\n  A: {kind: human}", 5, "look alike"),
        (f"principals:\n  {NFC}: {{kind: human}}\n  {NFD}: {{kind: human}}", 5, "look alike"),
        ("principals:\n  a: {kind: human}\n  \uff41: {kind: human}", 5, "look alike"),
        ("principals:\n  pay: {kind: human}\n  р\u0430у: {kind: human}", 5, "look alike"),
        ("principals:\n  a@example.org: {kind: human}\n  a@example.org.: {kind: human}", 5, "look alike"),
        ("principals: {a: {kind: human}}\ngroups:\n  group: {}\n  gr\u03bfup: {}", 6, "look alike"),
        ("principals:\n  tm: {kind: human}\n  \u2122: {kind: human}", 5, "look alike"),
        ("principals:\n  stra\u00dfe: {kind: human}\n  STRASSE: {kind: human}", 5, "look alike"),
        ('principals:\n  "": {kind: human}', 4, "is empty"),
        ('principals:\n  "a\\nb": {kind: human}', 4, "invisible characters"),
        ('principals:\n  "a\\u200Bb": {kind: human}', 4, "invisible characters"),
        ('principals:\n  "a\\uFE0F": {kind: human}', 4, "invisible characters"),
        ('principals:\n  "a\\u202Eb": {kind: human}', 4, "invisible characters"),
        ('principals:\n  "a ": {kind: human}', 4, "invisible characters"),
        (f"principals:\n  {'a' * 257}: {{kind: human}}", 4, "too long"),
        ("principals: {a: {kind: human}}\ngroups:\n  g: {members: [b]}", 5, "'b', which is not one of the principals"),
        ("principals: {a: {kind: human}}\ngroups:\n  g: {groups: [h]}", 5, "'h', which is not one of the groups"),
        ("principals: {a: {kind: human}}\ngroups:\n  g: {}\n  G: {}", 6, "look alike"),
        ('principals: {a: {kind: human}}\ngroups:\n  "g\\u0000": {}', 5, "no name"),
        ("principals:\n  a: {kind: human}\n  b: {kind: human, logins: {postgres: a}}", 5, "the same login 'a' at postgres"),
        ("principals:\n  a: {kind: human, logins: {postgres: Z}}\n  b: {kind: human, logins: {postgres: z}}", 5, "the same login"),
        ('principals:\n  a: {kind: human, logins: {postgres: "x\\ty"}}', 4, "not a possible login"),
        ("principals: &a\n  x: *a", 4, "anchor"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_refused_at_its_place(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    with pytest.raises(Unreadable) as refused:
        read(file(tmp_path, text), ["g"])
    assert says in str(refused.value)
    assert refused.value.line == line
    assert refused.value.fix


@pytest.mark.parametrize("name", ["missing.yaml", "folder", "pipe", "no\0name"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unreadable) as refused:
        read(str(tmp_path / name), [])
    assert refused.value.fix


def test_a_name_cannot_move_the_cursor_of_who_reads_a_plan(tmp_path: Path) -> None:
    found = read(file(tmp_path, 'principals: {a: {kind: human, name: "A\\e[2Jda\\u202E x"}}'), [])
    assert found.principals["a"].name == "A [2Jda x"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ldap: {url: 'ldap://ldap.example.org', PEOPLE}", "ldap:// would give"),
        ("ldap: {url: 'ldap://127.0.0.1.example.org', PEOPLE}", "ldap:// would give"),
        ("ldap: {url: 'ldaps://cn=a:hunter2@ldap.example.org', PEOPLE}", "contains a user name"),
        ("ldap: {url: 'ldap://127.0.0.1@evil.example.org', PEOPLE}", "contains a user name"),
        ("ldap: {url: 'https://ldap.example.org', PEOPLE}", "not an address"),
        ("ldap: {url: 'ldaps://', PEOPLE}", "not an address"),
        ("ldap: {url: 'ldaps://ldap.example.org:x', PEOPLE}", "not an address"),
        ("ldap: {url: \"ldaps://ldap\\n.example.org\", PEOPLE}", "not an address"),
        ("ldap: {url: 'ldaps://ldap.example.org/dc=example?uid', PEOPLE}", "a query or a fragment"),
        ("ldap: {url: 'ldaps://ldap.example.org/dc=example', PEOPLE}", "has a path"),
        ("ldap: {url: 'ldaps://ldap.example.org', startTLS: true, PEOPLE}", "encrypted from the start"),
        ("ldap: {url: 'ldaps://ldap.example.org', people: {base: a, filter: '(a=b', id: c}, groups: {base: a, filter: (a=b)}}", "people.filter"),
        ("ldap: {url: 'ldaps://ldap.example.org', people: {base: a, filter: '(a=b)(c=d)', id: c}, groups: {base: a, filter: (a=b)}}", "not one filter"),
        ("ldap: {url: 'ldaps://ldap.example.org', people: {base: a, filter: '(a=b))', id: c}, groups: {base: a, filter: (a=b)}}", "not one filter"),
        ("ldap: {url: 'ldaps://ldap.example.org', password: hunter2, PEOPLE}", "password is unknown"),
        ("scim: {url: 'http://id.example.org'}", "http:// would give"),
        ("scim: {url: 'https://id:hunter2@id.example.org'}", "contains a user name"),
        ("scim: {url: 'https://id.example.org?token=hunter2'}", "a query or a fragment"),
        ("scim: {url: 'file:///etc/passwd'}", "not an address"),
        ("scim: {url: 'https://id.example.org', token: hunter2}", "token is unknown"),
        ("scim: {url: 'https://id.example.org', id: 'userName eq 1'}", "scim.id"),
    ],
)  # fmt: skip
def test_a_server_is_spoken_to_only_where_nobody_listens(tmp_path: Path, text: str, says: str) -> None:
    text = text.replace("PEOPLE", "people: {base: a, filter: (a=b), id: c}, groups: {base: a, filter: (a=b)}")
    with pytest.raises(Unreadable) as refused:
        read(file(tmp_path, text), ["g"])
    assert says in str(refused.value)
    assert "hunter2" not in str(refused.value) + refused.value.fix


def people(number: int, **groups: range) -> Snapshot:
    """So many principals, called 0, 1 …, and groups of them."""
    principals = {str(one): Principal(str(one), "human") for one in range(number)}
    return Snapshot(
        principals, {name: frozenset(map(str, ids)) for name, ids in groups.items()}, complete=True
    )


def alarm_between(before: Snapshot | None, now: Snapshot, *groups: str) -> Any:
    """The alarm, if any; the state of the last run has been through a file."""
    kept = json.loads(json.dumps(directory_state(before, groups))) if before else None
    return shrink_alarm(kept, directory_state(now, groups))


@pytest.mark.parametrize(
    ("before", "now", "says"),
    [
        (people(9, g=range(4)), people(9), "no longer has the group g"),
        (people(9, g=range(0)), people(9), "no longer has the group g"),
        (people(9, g=range(2)), people(9, g=range(0)), "g is empty; it had 2 members"),
        (people(99, g=range(10)), people(99, g=range(8)), "2 of 10 members"),
        (people(99, g=range(10)), people(99, g=range(8, 18)), "8 of 10 members"),
        (people(10, g=range(1)), people(8, g=range(1)), "has 8 principals; it had 10"),
    ],
)
def test_a_directory_that_has_lost_its_memory_raises_the_alarm(
    before: Snapshot, now: Snapshot, says: str
) -> None:
    alarm = alarm_between(before, now, "g")
    assert says in alarm.sentence
    assert alarm.fix
    assert alarm.token


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (None, people(0)),
        (people(3, g=range(3)), people(2, g=range(2))),
        (people(9, g=range(1)), people(9, g=range(0))),
        (people(99, g=range(11)), people(99, g=range(9))),
        (people(11, g=range(1)), people(9, g=range(1))),
        (people(9), people(9)),
        (people(9), people(9, g=range(9))),
        (people(9, other=range(9)), people(9)),
    ],
)
def test_a_change_as_it_happens_every_day_raises_none(before: Snapshot | None, now: Snapshot) -> None:
    assert alarm_between(before, now, "g") is None


def test_a_group_that_is_no_longer_named_is_not_missed() -> None:
    before = directory_state(people(9, g=range(5), h=range(4, 9)), ["g", "h"])
    assert shrink_alarm(before, directory_state(people(9, h=range(4, 9)), ["h"])) is None


def test_numbers_are_compared_only_where_everybody_was_read() -> None:
    part = Snapshot({}, {"g": frozenset("a")})
    assert directory_state(part, ["g"])["principals"] is None
    assert shrink_alarm(directory_state(people(9, g=range(0)), ["g"]), directory_state(part, ["g"])) is None


def test_a_confirmation_fits_one_change_only() -> None:
    before = people(99, g=range(10), h=range(10, 20))
    tokens = [
        alarm_between(before, now, "g", "h").token
        for now in (
            people(99, h=range(10, 20)),
            people(99, g=range(0), h=range(10, 20)),
            people(99, g=range(1), h=range(10, 20)),
            people(99, g=range(1, 2), h=range(10, 20)),
            people(98, g=range(1), h=range(10, 20)),
        )
    ]
    assert len(set(tokens)) == len(tokens)
    assert alarm_between(before, people(99, h=range(10, 20)), "g", "h").token == tokens[0]


def test_what_the_audit_keeps_is_plain_json() -> None:
    kept = directory_state(people(3, g=range(2)), ["g", "gone"])
    assert kept == {"principals": 3, "groups": {"g": ["0", "1"], "gone": None}}
    assert json.loads(json.dumps(kept)) == kept
