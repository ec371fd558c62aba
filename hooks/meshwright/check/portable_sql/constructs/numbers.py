"""Numbers: how they are divided, rounded and cast."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from meshwright.check.portable_sql.construct import Construct, by_platform
from meshwright.check.portable_sql.nodes import ARITHMETIC, FRACTIONS, is_cast, is_whole, sizes, type_of

INTEGERS = ("int", "integer", "bigint", "smallint")
BINARY = (exp.Avg, exp.Div, exp.Stddev, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.PercentileCont)
"""What has a double for its value on some platform."""
PASSED_ON = (exp.Paren, exp.Coalesce, exp.Window, exp.Filter, exp.WithinGroup, *ARITHMETIC)
"""Nodes whose value is as exact as that of the node inside."""
INTEGER_DIVISION = "Write cast(floor(cast(a as decimal(18, 6)) / nullif(b, 0)) as integer)."


def _is_cut_off(node: Any) -> bool:
    return type_of(node) in INTEGERS and not is_whole(node.this)


def _is_number(node: Any) -> bool:
    return isinstance(node.this, exp.Literal) and not node.this.is_string


def _is_open_division(node: Any) -> bool:
    """Return True unless the dividend is a decimal, the divisor is never zero, and the quotient is cast."""
    divisor = node.right.this if isinstance(node.right, exp.Paren) else node.right
    constant = isinstance(divisor, exp.Literal) and divisor.this.strip("0.") != ""
    exact = any(isinstance(part, exp.Cast) and part.to.is_type("decimal") for part in node.left.walk())
    return not ((constant or isinstance(divisor, exp.Nullif)) and exact and is_cast(node))


def _divides_integers(node: Any) -> bool:
    unknown = (exp.Max, exp.Min, exp.Sum, exp.Window, exp.Case, exp.Mod)
    return all(is_whole(side) and not side.find(*unknown) for side in (node.left, node.right))


def _is_rounded(node: Any) -> bool:
    parent = node.parent
    while isinstance(parent, PASSED_ON):
        if isinstance(parent, exp.Div):
            return False  # the division is looked at itself
        parent = parent.parent
    if isinstance(parent, exp.Cast) and parent.to.is_type("decimal"):
        digits = sizes(parent)
        return len(digits) == 2 and digits[1] != "6"
    return isinstance(parent, exp.Round)


def _is_exact(value: Any) -> bool:
    """Return True for a number that is no double, as far as SQL shows; `rounded-binary-number` has those that are one."""
    if isinstance(value, (exp.Paren, exp.Neg, exp.Abs, exp.Nullif)):
        return _is_exact(value.this)
    if isinstance(value, (exp.Add, exp.Sub, exp.Mul)):
        return _is_exact(value.left) and _is_exact(value.right)
    if isinstance(value, exp.Coalesce):
        return all(map(_is_exact, [value.this, *value.expressions]))
    if isinstance(value, exp.Cast):
        return bool(value.to.is_type("decimal", *exp.DataType.INTEGER_TYPES))
    if isinstance(value, BINARY) or (isinstance(value, exp.Window) and isinstance(value.this, BINARY)):
        return True
    return isinstance(value, FRACTIONS) or not value.find(exp.Column)


def _is_written(column: Any) -> bool:
    """Return True for a column of floating-point numbers that becomes a text, or a decimal of other than six digits."""
    if not column.meta.get("floating"):
        return False
    use = column.parent
    if isinstance(use, exp.Cast) and use.to.is_type("decimal"):
        digits = sizes(use)
        return len(digits) == 2 and digits[1] != "6"
    if isinstance(use, exp.Cast):
        return bool(use.to.is_type("varchar", "text", "char"))
    return isinstance(use, (exp.DPipe, exp.Concat, exp.ConcatWs))


CONSTRUCTS = (
    Construct(
        id="cast-to-integer",
        what="a number with a fraction that is cast to an integer",
        does=by_platform(duckdb="rounds", postgres="rounds", spark="cuts the fraction off"),
        fix="Say which: cast(round(x) as integer), or cast(floor(x) as integer).",
        bad="cast(1.67 as integer)",
        good="cast(round(1.67) as integer)",
        value="2",
        certain=False,
        nodes=("Cast", "TryCast"),
        is_node=_is_cut_off,
        is_certain=_is_number,
    ),
    Construct(
        id="division",
        what="a / b",
        does=by_platform(
            duckdb="gives a double, and infinity for a zero",
            postgres="cuts integers off, and refuses a zero",
            spark="gives a double or a decimal of six digits, and refuses a zero",
        ),
        fix="Write cast(cast(a as decimal(18, 6)) / nullif(b, 0) as decimal(18, 6)).",
        bad="7 / 2",
        good="cast(cast(7 as decimal(18, 6)) / nullif(2, 0) as decimal(18, 6))",
        value="3.500000",
        certain=False,
        nodes=("Div",),
        is_node=_is_open_division,
        is_certain=_divides_integers,
    ),
    Construct(
        id="rounded-binary-number",
        what="an average or a quotient that is rounded to more or fewer than six digits at once",
        does=by_platform(
            duckdb="rounds a binary number, 0.575 to 0.57",
            postgres="rounds the exact one, to 0.58",
            spark="rounds the exact one, to 0.58, of which it has six digits or more",
        ),
        fix="Cast it to six digits before: cast(cast(avg(x) as decimal(18, 6)) as decimal(18, 2)).",
        bad="cast(cast(23 as decimal(18, 6)) / nullif(40, 0) as decimal(18, 2))",
        good="cast(cast(cast(23 as decimal(18, 6)) / nullif(40, 0) as decimal(18, 6)) as decimal(18, 2))",
        value="0.58",
        certain=False,
        nodes=tuple(kind.__name__ for kind in BINARY),
        is_node=_is_rounded,
    ),
    Construct(
        id="round-of-any-type",
        what="round of a number that may be a double",
        does=by_platform(
            duckdb="rounds 2.5 to 3, and 1.005 to 1.00",
            postgres="rounds 2.5 to 2, and has none to two digits",
            spark="rounds 2.5 to 3, and 1.005 to 1.01",
        ),
        fix="Write round(cast(x as decimal(18, 6)), 2).",
        bad="round(v)",
        good="cast(round(cast(2.5 as decimal(18, 6))) as integer)",
        value="3",
        certain=False,
        nodes=("Round",),
        is_node=lambda node: not _is_exact(node.this),
    ),
    Construct(
        id="floating-point-column",
        what="a column that is declared as a floating-point number and is cast to a text or a decimal",
        does=by_platform(
            duckdb="writes 1e+20 and 0.0, and rounds 1.005 to 1.00",
            postgres="writes 1e+20 and 0, and rounds 1.005 to 1.01",
            spark="writes 1.0E20 and 0.0, rounds 1.005 to 1.01, and makes null of what is no number",
        ),
        fix=(
            "Declare it as a decimal, as its `data_type` in the source; or cast(cast(x as decimal(18, 6)) as varchar(100)),"
            " where all its values are numbers."
        ),
        bad="cast(ratio as varchar(100))",
        good="cast(cast(0.5 as decimal(18, 6)) as varchar(100))",
        value="0.500000",
        certain=False,
        nodes=("Column",),
        is_node=_is_written,
    ),
    Construct(
        id="integer-division",
        what="a // b",
        does=by_platform(duckdb="divides integers", postgres="cannot parse it", spark="cannot parse it"),
        fix=INTEGER_DIVISION,
        bad="7 // 2",
        good="cast(floor(cast(7 as decimal(18, 6)) / nullif(2, 0)) as integer)",
        value="3",
        nodes=("IntDiv",),
    ),
    Construct(
        id="power-operator",
        what="a ^ b",
        does=by_platform(duckdb="is a power", postgres="is a power", spark="is an exclusive or"),
        fix="Write power(a, b), and cast it.",
        bad="2 ^ 3",
        good="cast(power(2, 3) as decimal(10, 0))",
        value="8",
        words=("^",),
    ),
    Construct(
        id="logarithm",
        what="log of one number",
        does=by_platform(duckdb="is that of 10", postgres="is that of 10", spark="is the natural one"),
        fix="Write log10(x) or ln(x).",
        bad="log(100)",
        good="cast(round(cast(log10(100) as decimal(18, 6))) as integer)",
        value="2",
        nodes=("Log",),
        is_node=lambda node: node.args.get("expression") is None,
    ),
)
