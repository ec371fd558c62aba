"""Recognize the form that texts have: e-mail addresses, UUIDs, country codes and the like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_interface

_COUNTRIES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC"
    " CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD"
    " GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH"
    " KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW"
    " MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC"
    " SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY"
    " UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
)
"""ISO 3166-1 alpha-2."""
_CURRENCIES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP"
    " CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR"
    " ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT"
    " MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD"
    " SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES"
    " VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL"
)
"""ISO 4217."""


def _is_iban(text: str) -> bool:
    """Return True if the check digits are right (ISO 13616)."""
    plain = text.replace(" ", "")
    digits = "".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])
    return int(digits) % 97 == 1


def _is_address(text: str) -> bool:
    """Return True for an IP address or network."""
    try:
        ip_interface(text)
    except ValueError:
        return False
    return True


def _is_card(text: str) -> bool:
    """Return True if the check digit is right (ISO 7812)."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    return sum(digits[-1::-2]) % 10 == -sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]) % 10


FORMS = {
    "uuid": r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
    "email": r"[A-Za-z0-9._%+'-]+@([A-Za-z0-9-]+[.])+[A-Za-z]{2,24}",
    "url": r"(https?|ftp|s3|gs)://[^ ]+",
    "iban": r"[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){2,7}( ?[A-Z0-9]{1,3})?",
    "ipv4": r"((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(/[0-9]{1,2})?",
    "ipv6": r"[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){2,7}(/[0-9]{1,3})?",
    "mac": r"([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}",
    "card": r"[3-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{1,7}",
    "country": "|".join(_COUNTRIES.split()),
    "currency": "|".join(_CURRENCIES.split()),
    "date": r"[0-9]{4}[/. -]?[0-9]{1,2}[/. -]?[0-9]{1,2}|[0-9]{1,2}[/. -][0-9]{1,2}[/. -]([0-9]{4}|[0-9]{2})",
    "datetime": r"([0-9]{4}[/. -][0-9]{1,2}[/. -][0-9]{1,2}|[0-9]{1,2}[/. -][0-9]{1,2}[/. -]([0-9]{4}|[0-9]{2}))[T ,]+"
    r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?( ?[AaPp][Mm])?( ?(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?",
    "time": r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?( ?[AaPp][Mm])?",
    "phone": r"([+]|00)[1-9][0-9 ()/.-]{6,20}[0-9]|[(]?0[0-9]{1,5}[)]?[ /-][0-9 /-]{4,14}[0-9]",
    "number": r"[-+]?([0-9]+([.,][0-9]+)?|[.][0-9]+|[0-9]{1,3}([,. '][0-9]{3})+([.,][0-9]+)?)([eE][-+]?[0-9]+)?( ?%)?",
    "color": r"#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})",
    "hash": r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}",
}
"""Name of a form -> regular expression of whole texts, for Python, DuckDB, PostgreSQL and MariaDB. The first match counts."""

CHECKS: dict[str, Callable[[str], bool]] = {"iban": _is_iban, "card": _is_card, "ipv6": _is_address}
"""Form -> test of a text that matches, for what a regular expression cannot tell."""

_PATTERNS = {name: re.compile(form) for name, form in FORMS.items()}


def form_of(texts: Iterable[str]) -> str:
    """Return the form that all texts have; empty if there is none, or no text."""
    candidates = list(FORMS)
    seen = False
    for text in texts:
        seen = True
        candidates = [name for name in candidates if has_form(text, name)]
        if not candidates:
            return ""
    return candidates[0] if seen else ""


def has_form(text: str, name: str) -> bool:
    """Return True if a text has the form."""
    check = CHECKS.get(name)
    return bool(_PATTERNS[name].fullmatch(text)) and (check is None or check(text))
