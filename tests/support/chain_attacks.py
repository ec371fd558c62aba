"""What the owner of a port's storage does to the audit records, and what has to come of it."""

from __future__ import annotations

from collections.abc import Callable

from chain_case import BO, ChainCase, Records, chained


def changed(records: Records) -> Records:
    return [*records[:-1], {**records[-1], "by": "nobody"}]


def forged(records: Records) -> Records:
    """A chain that follows itself, in which nothing has ended."""
    return chained([records[0]] * len(records))


def of_another_product(records: Records) -> Records:
    return chained([{**record, "product": "airport-operations/arrivals"} for record in records])


def appended_of_another_product(records: Records) -> Records:
    return chained([*records, {**records[-1], "product": "airport-operations/arrivals"}])


def numbered_anew(records: Records) -> Records:
    return [{**record, "number": record["number"] + 1} for record in records]


ATTACKS: dict[str, tuple[Callable[[Records], Records | None], str]] = {
    "record changed": (changed, "Audit record 3 was changed after it was written."),
    "first changed": (lambda records: [{**records[0], "commit": "0" * 40}, *records[1:]], "record 1 was changed"),
    "newest deleted": (lambda records: records[:-1], "end with number 2. The last run wrote number 3"),
    "two deleted": (lambda records: records[:1], "2 records are lost."),
    "oldest deleted": (lambda records: records[1:], "Audit record 1 is missing."),
    "middle deleted": (lambda records: [records[0], records[2]], "Audit record 2 is missing."),
    "all deleted": (lambda _: [], "are gone. The last run wrote number 3"),
    "dropped": (lambda _: None, "are gone. The last run wrote number 3"),
    "forged": (forged, "another chain of records is in its place."),
    "forged and longer": (lambda records: chained([records[0]] * 5), "another chain of records is in its place."),
    "of another product": (of_another_product, "is of the product airport-operations/arrivals, not of"),
    "appended of another product": (appended_of_another_product, "is of the product airport-operations/arrivals"),
    "of another port": (lambda records: chained([{**record, "port": "other"} for record in records]), "is of the port other"),
    "numbered anew": (numbered_anew, "Audit record 1 is missing."),
}  # fmt: skip
"""Name -> what the records become (None: nothing is left that could have any), and what the alarm says."""


def attacked(case: ChainCase, attack: str) -> None:
    """Has a product's records attacked, and an old commit applied; asserts that nothing comes of it."""
    become, sentence = ATTACKS[attack]
    case.share()
    old = case.repository.git("rev-parse", "HEAD")
    case("apply", "--first")
    assert case.keeper.readers() == {BO}
    case.repository.commit("End it", {"access/agreements/delays.yaml": None}, by="bo")
    new = case.repository.git("rev-parse", "HEAD")
    case("apply")
    case("apply")
    assert case.keeper.readers() == set()
    records = become(case.keeper.read())
    case.keeper.drop() if records is None else case.keeper.write(records)

    case.repository.git("checkout", "--quiet", old)
    refused = case.refusal()
    assert sentence in refused and "what has been revoked since would come back" in refused
    assert refused.count("--confirm") >= 2 and "--first" not in refused
    assert case("apply", "--first", code=1)
    for verb in ("verify", "plan"):
        assert sentence in " ".join(case.port(verb, code=1)["differences"])
    assert case.keeper.readers() == set()

    case.repository.git("checkout", "--quiet", new)
    refused = case.refusal()
    assert sentence in refused and refused.count("--confirm") == 1
    case.run_as_printed(refused)
    assert case.keeper.readers() == set()
    case("verify")
    case("apply")
    case("verify")
