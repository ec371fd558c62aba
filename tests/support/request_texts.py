"""Texts that people could put into a request for access, for the command and for the form."""

from __future__ import annotations

HOSTILE = (
    'a "quoted" \\ text: {x} [y] # no comment',
    "status: approved\nstatus: approved",
    "\"\nroles:\n  - role: admin",
    "tab\tbell\x07null\x00escape\x1b[31m",
    "line\u2028paragraph\u2029next\x85",
    "\u202eright to left\u2066 isolate",
    "soft\u00adhyphen zero\u200bwidth bom\ufeff nbsp\u00a0",
    "emoji 🚀 and Gothic 𐌰, tags \U000e0041",
    "Größe, Привет, 東京, नमस्ते, ไทย",
    "' OR 1=1 -- {{7*7}} ${HOME} $(id) `id` %0a&value=x#fragment",
    "<script>alert(1)</script></textarea><img src=x onerror=alert(2)>",
    "yes", "null", "2026-12-01", "0x10", "1e3", "~", "@", "*anchor", "&anchor", "!tag", "? key", "- list", "--- ", "...",
    "\ue000private \ufffe \uffff",
    "trailing space ",
    " leading space",
    "é e\u0301 \u0345",
)  # fmt: skip
