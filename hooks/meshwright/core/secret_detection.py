"""Recognize passwords, keys and tokens in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

ALLOWED = re.compile(r"pragma: ?allowlist( nextline)? secret", re.IGNORECASE)
"""detect-secrets' own mark for a false positive: on the same line, or on the line before."""

B64 = "[A-Za-z0-9+/]"
URLSAFE = "[A-Za-z0-9_-]"

TOKENS = {
    "a private key": (("PRIVATE KEY",), r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"),
    "a token of the Meshwright catalog": (("mwc_",), rf"\bmwc_[0-9a-f]{{8}}_{URLSAFE}{{40,}}"),
    "a token of Databricks": (("dapi",), r"\bdapi[0-9a-f]{32}(?:-\d)?\b"),
    "a key of AWS": (
        ("AKIA", "ASIA", "ABIA", "ACCA"),
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    ),
    "a secret key of AWS": (
        ("aws", "AWS", "Aws"),
        rf"(?i:aws.{{0,20}}(?:secret|key).{{0,20}}[\"'=:\s,]){B64}{{40}}(?![A-Za-z0-9+/=])",
    ),
    "a key of Google": (("AIza",), rf"\bAIza{URLSAFE}{{35}}(?!{URLSAFE})"),
    "a secret of Google": (
        ("GOCSPX-", "ya29."),
        rf"\bGOCSPX-{URLSAFE}{{28}}|\bya29\.{URLSAFE}{{40,}}",
    ),
    "a key of a storage account": (
        ("ccountKey=", "ccessKey=", "ccountkey=", "ccesskey="),
        rf"(?i:AccountKey|SharedAccessKey)=(?:{B64}{{86}}==|{B64}{{43}}=)",
    ),
    "a shared access signature": (("sig=",), r"[?&;]sig=[A-Za-z0-9%/+=]{30,}"),
    "a secret of Entra ID": (
        ("8Q~", "7Q~"),
        r"(?<![\w.~-])[A-Za-z0-9_.~-]{3}[78]Q~[A-Za-z0-9_.~-]{31,34}(?![\w.~-])",
    ),
    "a key of Stripe": (
        ("k_live_", "k_test_", "whsec_"),
        r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9+/]{32,}",
    ),
    "a token of Slack": (
        ("xox", "xapp-", "hooks.slack.com"),
        (
            r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}"
            r"|hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{20,}"
        ),
    ),
    "a token of GitHub": (
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{40,}",
    ),
    "a token of GitLab": (
        ("glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "glsoat-", "glffct-"),
        rf"\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct)-{URLSAFE}{{20,}}",
    ),
    "a token of PyPI": (("pypi-AgE",), rf"\bpypi-AgE{URLSAFE}{{50,}}"),
    "a token of npm": (("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b"),
    "a token of dbt Cloud": (("dbtc_", "dbtu_"), rf"\bdbt[cu]_{URLSAFE}{{20,}}"),
    "a token of Hugging Face": (("hf_",), r"\bhf_[A-Za-z0-9]{30,}\b"),
    "a key of an AI service": (
        ("sk-",),
        rf"\bsk-(?=[A-Za-z_-]*\d)(?=[a-z0-9_-]*[A-Z]){URLSAFE}{{32,}}",
    ),
    "a token of Vault or Terraform": (
        ("hvs.", "hvb.", ".atlasv1."),
        rf"\bhv[sb]\.{URLSAFE}{{24,}}|\b[A-Za-z0-9]{{14}}\.atlasv1\.{URLSAFE}{{60,}}",
    ),
    "a key of SendGrid": (("SG.",), rf"\bSG\.{URLSAFE}{{16,}}\.{URLSAFE}{{30,}}"),
    "a token of DigitalOcean": (("_v1_",), r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    "a token of Grafana": (("glsa_",), r"\bglsa_[A-Za-z0-9]{32}_[0-9a-f]{8}\b"),
    "a token of Shopify": (
        ("shpat_", "shpca_", "shppa_", "shpss_"),
        r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b",
    ),
    "a key of age": (("AGE-SECRET-KEY-1",), r"\bAGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}\b"),
    "a JSON Web Token": (
        ("eyJ",),
        rf"\beyJ{URLSAFE}{{10,}}\.eyJ{URLSAFE}{{10,}}\.{URLSAFE}{{10,}}",
    ),
    "a key of Twilio": (("SK",), r"\bSK[0-9a-f]{32}\b"),
    "a webhook of Discord": (
        ("discord",),
        rf"discord(?:app)?\.com/api/webhooks/\d{{10,}}/{URLSAFE}{{30,}}",
    ),
    "a token of Telegram": ((":AA",), rf"\b\d{{8,10}}:AA{URLSAFE}{{32,34}}(?!{URLSAFE})"),
}
"""Kind of secret -> texts that it always contains (a cheap test), and its pattern."""
DOCUMENTED = re.compile(
    r"EXAMPLE(?:KEY)?$|(?i:your|x{6,}|placeholder|redacted)|(.)\1{7,}|Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50u"
    r"|SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
)
"""Parts of tokens that documentation shows, and of the keys that are the same for everybody: Azurite's, and that of jwt.io."""
HEADER = re.compile(
    r"(?i:\b(?:authorization[\"']?[ \t]*[:=][ \t]*[\"']?(?:bearer|basic|token)[ ]+|x-api-key[\"']?[ \t]*[:=][ \t]*[\"']?))"
    r"(?P<value>[A-Za-z0-9+/=._~-]{16,})"
)
"""A token in a header of HTTP."""
ORACLE = re.compile(r"(?i:jdbc:oracle:\w+):[\w$#.]+/(?P<value>[^\s@/\"']{3,})@")
COMMAND = re.compile(
    r"\b(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n|;]*[ ]-p(?P<mysql>[^\s\"'$<{-][^\s\"']{3,})"
    r"|\bcurl\b[^\n|;]*[ ](?:-u|--user)[ =]?[\"']?[\w.@-]+:(?P<curl>[^\s\"'$<{][^\s\"']{3,})"
    r"|\bsshpass[ ]+-p[ ]?[\"']?(?P<ssh>[^\s\"'$<{][^\s\"']{3,})"
    r"|\b(?:machine[ ]+\S+|default)\s+login[ ]+\S+\s+password[ ]+(?P<netrc>[^\s\"'$<{][^\s]{3,})"
)
"""A password as an argument of a command, or in .netrc."""

_NOT_PLACEHOLDER = (
    r"(?![$<{*…]|%[(s]|(?i:x{3,}|\.{3}|…|password\b|passwd\b|secret\b|pass\b|token\b|changeme|replace|your))"
)
"""Not a placeholder: rules out a variable, or a word such as `changeme` where the secret would be."""
IN_URL = re.compile(rf"://[^/\s:@\"'<>`]*:{_NOT_PLACEHOLDER}[^/\s@\"'<>`]+@")
"""A password before the host of a URL."""
PARAMETER = re.compile(rf"[?&;](?i:password|passwd|pwd|pw)={_NOT_PLACEHOLDER}[^&;#\s\"'<>`)}}]{{3,}}")
"""A password as a parameter, as in JDBC and ODBC."""

VALUES = {".tfvars", ".env", ".ini", ".cfg", ".conf", ".properties"}
"""Suffixes of files that hold only names and values."""
CONFIGURATION = {*VALUES, ".toml", ".yaml", ".yml", ".json", ".hcl", ".tf", ".sh"}
CONTAINERS = {"Containerfile", "Dockerfile"}
PROSE = {".md", ".rst", ".txt", ".adoc", ".html"}
CODE = {".py", ".ipynb", ".js", ".ts", ".jsx", ".tsx", ".java", ".scala", ".kt", ".go", ".rb", ".php", ".cs", ".r", ".R", ".ps1", ".xml", ".sql"}  # fmt: skip
"""Suffixes of files in which names have many other values than secrets."""
_NAME = (
    r"(?:(?<![A-Za-z0-9])|(?<=[a-z0-9])(?=[A-Z]))(?i:(?P<name>(?:pg|db)?pass(?:word|wd|phrase)?|pwd|pw|client_?secret"
    r"|secret(?:_?(?:access_?)?key)?|(?:api|access|private|account)_?key|(?:(?:auth|access|api|bearer|refresh)_?)?token))"
)
ASSIGNED = re.compile(
    rf"{_NAME}[\"']?[ \t]*[=:][ \t]*"
    rf"(?:\"(?P<double>[^\"\n]{{4,}})\"|'(?P<single>[^'\n]{{4,}})'|(?P<bare>[^\s\"'#,;{{}}\[\]]{{4,}})[ \t]*(?:#.*)?$)",
    re.MULTILINE,
)
"""A name for a secret, followed by a literal value."""
PLACEHOLDER_VALUE = (
    r"(?i)(?:!.*|.*(?:\$\{|\$\(|\{\{|\$\w|<.+>|\*{3}|…|x{4,}).*|(?:replace|change|your|placeholder|dummy|todo)[ _-]?.*"
    r"|(?:var|local|data|module|each|env|secrets|vault|os|self)\..*|[*&]\w+|[\w.]+\(.*"
    r"|null|true|false|none|required|optional|string|password|secret|token|example)"
)
"""A value that is not a secret: a variable, a call, or a placeholder."""
PLAIN = r"[A-Za-z]+(?:[ _.-][A-Za-z]+)*\.?|[\d.*/, -]+|/.*|https?://.*"
"""Words, a number or a path: values that refer to a secret without containing it."""
IN_CODE = re.compile(
    rf"{_NAME}[\"']?\]?[ \t]*(?:=|:|<-|,)[ \t]*\\?[\"'`](?P<quoted>[^\"'`\s\\]{{8,}})\\?[\"'`]"
)
"""The same in code and prose, where the value has to look like a secret: see STRONG."""
IN_PROSE = re.compile(rf"{_NAME}=(?P<quoted>[^\s\"'`&;,<>(){{}}\[\]|]{{8,}})")
STRONG = re.compile(
    r"(?=.*[A-Za-z])(?=.*\d)(?!.*(?i:pass|secret|token|key|example|test|dummy|fake|sample))[^{}$<>%]*"
)
"""A value with letters and digits that names nothing."""
PGPASS = re.compile(r"^[^:#\n]+:(?:\d+|\*):[^:\n]*:[^:\n]*:(?P<value>[^:\s$<]{4,})$", re.MULTILINE)
IN_SQL = r"(?i)\b(?:identified by|password)\s+'(?P<value>[^'\n]{4,})'"


def secrets_in(path: str, raw: bytes) -> Iterator[tuple[int, str]]:
    """Yield the line and the kind of each secret in a file; never the secret itself.

    `raw`: its bytes, taken for UTF-8. Below sample_data/, a column called `password` is data and not reported; tokens,
    keys and URLs with a password are.
    """
    # Bytes are searched faster than text, and most files have nothing that a pattern could match.
    lower = raw.lower()
    patterns = _possible(raw, lower)
    names_secrets = not path.startswith("sample_data/") and (
        any([name in lower for name in _NAMES]) or path.endswith("pgpass")
    )
    if not patterns and not names_secrets:
        return
    text = raw.decode("utf-8", "replace")
    places: dict[int, str] = {}
    for pattern, kind in patterns:
        for match in re.finditer(pattern, text):
            if not DOCUMENTED.search(match[0]) and not _is_placeholder(match):
                places.setdefault(match.start(), kind)
    if names_secrets:
        for start, kind in _assigned(PurePosixPath(path), text):
            places.setdefault(start, kind)
    if not places:
        return
    lines = text.split("\n")
    for start, kind in sorted(places.items()):
        line = text.count("\n", 0, start) + 1
        allowed = ALLOWED.search(lines[line - 1]) or (line > 1 and _nextline(lines[line - 2]))
        if not allowed:
            yield line, kind


# What a pattern cannot match without.
_MARKERS = [(marker.encode(), kind) for kind, (markers, _) in TOKENS.items() for marker in markers]
_PARAMETERS = (b"password=", b"passwd=", b"pwd=", b"pw=")
_NAMES = (b"pass", b"pw", b"secret", b"key", b"token", b"identified by")

_WORD_CHARACTERS = (
    bytes(ord("a") if chr(code).isalnum() or chr(code) in "_+/=.~%&;-" else ord(" ") for code in range(128))
    + b" " * 128
)
_SHORTEST_CANDIDATE = b"a" * 15


def _possible(raw: bytes, lower: bytes) -> list[tuple[str | re.Pattern[str], str]]:
    """Return the patterns of tokens and addresses that the file could match, with the kind of secret."""
    possible: list[tuple[str | re.Pattern[str], str]] = []
    if candidates := _token_candidates(raw, lower):
        kinds = {kind: None for marker, kind in _MARKERS if marker in candidates}
        possible += [(TOKENS[kind][1], kind) for kind in kinds]
    if b"://" in raw and b"@" in raw:
        possible.append((IN_URL, "a password in an address"))
    if b"=" in raw and any([parameter in lower for parameter in _PARAMETERS]):
        possible.append((PARAMETER, "a password in an address"))
    if b"authorization" in lower or b"x-api-key" in lower:
        possible.append((HEADER, "a token in a header"))
    if b"jdbc:oracle" in lower:
        possible.append((ORACLE, "a password in an address"))
    if any([command in raw for command in (b"mysql", b"mariadb", b"curl", b"sshpass", b"login")]):
        possible.append((COMMAND, "a password of a command"))
    return possible


def _is_placeholder(match: re.Match[str]) -> bool:
    """Return True if the value of a match, in one of its named groups, is none."""
    values = [value for value in match.groupdict().values() if value]
    return any(re.fullmatch(PLACEHOLDER_VALUE, value) for value in values)


def _token_candidates(raw: bytes, lower: bytes) -> bytes:
    """Return the words long enough to be a token, one a line: most files have few, so the patterns search far less."""
    words = raw.translate(_WORD_CHARACTERS)
    candidates, end = [], 0
    while (start := words.find(_SHORTEST_CANDIDATE, end)) >= 0:
        end = words.find(b" ", start)
        end = len(words) if end < 0 else end
        candidates.append(raw[start:end])
    if b":AA" in raw:
        candidates.append(b":AA")
    if b"PRIVATE KEY" in raw:
        candidates.append(b"PRIVATE KEY")
    if candidates and b"aws" in lower:
        candidates.append(b"aws")  # before the key, and not in one word with it
    return b"\n".join(candidates)


def _assigned(file: PurePosixPath, text: str) -> Iterator[tuple[int, str]]:
    """Yield where a name for a secret is assigned a literal value, and the kind."""
    if file.suffix == ".sql":
        for match in re.finditer(IN_SQL, text):
            if not re.fullmatch(PLACEHOLDER_VALUE, match["value"]):
                yield match.start(), "a password"
    ends = {*file.suffixes, file.name if file.name.startswith(".") else ""}
    only_values = bool(ends & VALUES) or file.name.startswith(".env")
    if file.name.endswith("pgpass") or file.name == "pgpass.conf":
        for match in PGPASS.finditer(text):
            yield match.start(), "a password"
        return
    if not only_values and file.suffix not in CONFIGURATION and file.name not in CONTAINERS:
        yield from _in_code_and_prose(file.suffix, text)
        return
    start = 0
    for line in text.split("\n"):
        lower = line.lower()
        if any([name in lower for name in _IN_LINE]):
            for match in ASSIGNED.finditer(line):
                value = match["double"] or match["single"] or match["bare"]
                if not re.fullmatch(PLACEHOLDER_VALUE, value) and (
                    only_values or not re.fullmatch(PLAIN, value)
                ):
                    yield start + match.start(), f"a value for {match['name']}"
        start += len(line) + 1


def _in_code_and_prose(suffix: str, text: str) -> Iterator[tuple[int, str]]:
    patterns = [IN_CODE] if suffix in CODE | PROSE else []
    patterns += [IN_PROSE] if suffix in PROSE else []
    start = 0
    for line in text.split("\n") if patterns else ():
        lower = line.lower()
        if any([name in lower for name in _IN_LINE]):
            for match in [match for pattern in patterns for match in pattern.finditer(line)]:
                value = match["quoted"]
                if (
                    STRONG.fullmatch(value)
                    and not re.fullmatch(PLACEHOLDER_VALUE, value)
                    and not DOCUMENTED.search(value)
                ):
                    yield start + match.start(), f"a value for {match['name']}"
        start += len(line) + 1


_IN_LINE = [name.decode() for name in _NAMES]


def _nextline(before: str) -> bool:
    mark = ALLOWED.search(before)
    return bool(mark and mark[1])
