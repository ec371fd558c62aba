"""Functions: those that are the same everywhere, and what to write instead of others."""

from __future__ import annotations

from dataclasses import replace

from meshwright.check.portable_sql.construct import DISPATCH, Construct, by_platform
from meshwright.check.portable_sql.constructs.dates import DAY_OF_WEEK
from meshwright.check.portable_sql.constructs.numbers import INTEGER_DIVISION
from meshwright.check.portable_sql.sql_tokens import SqlTokens

_EVERYWHERE = """
avg bool_and bool_or corr count cume_dist dense_rank first_value lag last_value lead max min ntile
percent_rank percentile_cont rank row_number stddev stddev_samp sum var_pop variance
abs ceil ceiling exp floor greatest least ln log log10 mod pi power round sign sqrt
ascii bit_length char_length chr concat concat_ws left length lower lpad ltrim md5 position repeat replace
right rpad rtrim split_part substr substring translate trim upper
date_part date_trunc extract make_date now
coalesce nullif
"""
EVERYWHERE = frozenset(_EVERYWHERE.split())
"""Functions that are the same on every platform, but for what CONSTRUCTS says of them: a test calls each of them there."""
_KEYWORDS = """
all and any as by case cast distinct else end escape except exists filter from group having in intersect interval
is jinja join lateral like ilike limit materialized not on or over partition percent qualify recursive rows select
then union using values when where with within between offset outer inner cross full set exclude
bigint char decimal integer numeric smallint time varchar try_cast safe_cast
"""
KEYWORDS = frozenset(_KEYWORDS.split())
"""Words before a parenthesis that are no functions."""

_INSTEAD = {
    "Write cast(extract(year from d) as integer).": "year month day hour minute quarter week dayofyear",
    DAY_OF_WEEK: "dayofweek isodow weekday dayname",
    "Use {{ dbt.datediff('earlier', 'later', 'day') }}.": "datediff date_diff date_sub age timestampdiff months_between",
    "Write cast(d + interval '1' month as date), or use {{ dbt.dateadd('day', 1, 'd') }}.": "dateadd date_add add_months to_days to_minutes timestampadd",
    "Build it: lpad(cast(cast(extract(month from d) as integer) as varchar(100)), 2, '0'), and concat.": "to_char strftime date_format format",
    "Write cast(x as date) of an ISO text, or make_date(year, month, day).": "to_date strptime to_timestamp try_strptime epoch epoch_ms from_unixtime",
    "Write cast(x as date), or as timestamp.": "date timestamp datetime",
    "Write cast(date_trunc('month', d) + interval '1' month - interval '1' day as date).": "last_day",
    "Write case when … then … else … end.": "if iff iif decode nvl2",
    "Write coalesce(a, b).": "ifnull nvl isnull",
    "Write position('l' in x).": "strpos instr charindex locate",
    "Write length(x).": "len strlen octet_length",
    "Write trim(both 'x' from y).": "btrim",
    "Write left(x, 1) = 'a'.": "starts_with startswith prefix",
    "Write right(x, 1) = 'a'.": "ends_with endswith suffix",
    "Write position('b' in x) > 0.": "contains",
    DISPATCH: "initcap reverse",
    "Write percentile_cont(0.5) within group (order by x).": "median quantile quantile_cont percentile",
    "Write count(distinct x).": "approx_count_distinct approx_quantile",
    f"Use min, max, or row_number() in a CTE; or: {DISPATCH}": (
        "string_agg listagg group_concat array_agg list collect_list collect_set any_value first "
        "last max_by min_by arg_max arg_min mode"
    ),
    "Write md5(x).": "sha256 sha1 sha2 hash xxhash64 crc32 farm_fingerprint",
    "Write floor(abs(x)) * sign(x), and cast it.": "trunc truncate",
    INTEGER_DIVISION: "div",
    "Write split_part(x, ',', 1).": "split string_split string_to_array str_split",
    f"Use like, position, replace or translate; or: {DISPATCH}": (
        "regexp_matches regexp_like regexp_replace regexp_extract regexp_match regexp_substr rlike "
        "regexp_full_match regexp_count regexp_instr"
    ),
    f"Join a seed with the numbers; or: {DISPATCH}": "range generate_series sequence explode unnest",
}
"""What to write instead -> the functions."""
INSTEAD = {name: fix for fix, names in _INSTEAD.items() for name in names.split()}
"""Function -> what to write instead of it."""
OFTEN_THE_SAME = {"any_value", "reverse"}
"""Functions of INSTEAD that differ for some values only: Spark's any_value can be null, DuckDB's reverse keeps an accent on its letter."""


OTHER = Construct(
    id="other-function",
    what="a function that is not known to be the same everywhere",
    does=by_platform(duckdb="has its own", postgres="has another or none", spark="has another or none"),
    fix=f"Use one of the reference page on portable SQL; or: {DISPATCH}",
    bad="unheard_of(1)",
    good="abs(-1)",
    value="1",
    certain=False,
)

CONSTRUCTS = (OTHER,)


def call(tokens: SqlTokens, place: int) -> Construct | None:
    """Return the construct of the function that is called at this place; None if it is the same everywhere, or none."""
    name = tokens.words[place]
    if not tokens.is_call(place):
        return None
    if name in INSTEAD:
        certain = name not in OFTEN_THE_SAME
        return replace(OTHER, id=f"{OTHER.id}-{name}", what=f"{name}()", fix=INSTEAD[name], certain=certain)
    if name in EVERYWHERE or name in KEYWORDS or tokens.names_columns(place + 1):
        return None
    return replace(OTHER, id=f"{OTHER.id}-{name}", what=f"{name}(), {OTHER.what}")
