"""Recognize text that stands for a text: printers' Latin, and keys that were struck at random."""

from __future__ import annotations

import re
from itertools import pairwise

WORD = re.compile(r"[^\W\d_]+")
LATIN = frozenset(
    WORD.findall(
        "lorem ipsum dolor sit amet consectetur adipiscing adipisicing elit sed do eiusmod tempor incididunt ut labore et dolore"
        " magna aliqua enim ad minim veniam quis nostrud exercitation ullamco laboris nisi aliquip ex ea commodo consequat duis aute"
        " irure in reprehenderit voluptate velit esse cillum eu fugiat nulla pariatur excepteur sint occaecat cupidatat non proident"
        " sunt culpa qui officia deserunt mollit anim id est laborum vestibulum pellentesque curabitur phasellus vivamus aenean donec"
        " mauris nunc nullam praesent quisque suspendisse tincidunt vehicula viverra volutpat vulputate accumsan bibendum condimentum"
        " dapibus dictum dignissim efficitur egestas eleifend elementum euismod facilisis faucibus fermentum feugiat finibus fringilla"
        " gravida habitant hendrerit iaculis imperdiet interdum lacinia lacus laoreet lectus libero ligula lobortis luctus malesuada"
        " maecenas massa mattis maximus molestie morbi nibh nisl odio orci ornare pharetra placerat porta porttitor posuere pretium"
        " proin pulvinar purus rhoncus risus rutrum sagittis sapien scelerisque sem semper senectus sollicitudin sodales tellus tempus"
        " tortor tristique turpis ultrices ultricies urna varius vel venenatis vitae perspiciatis unde omnis iste natus voluptatem"
        " accusantium doloremque laudantium totam aperiam eaque ipsa quae illo inventore veritatis quasi architecto beatae explicabo"
        " nemo ipsam quia voluptas aspernatur fugit"
    )
)
"""Words of the usual filler text."""
SHORT = {
    "sed",
    "do",
    "ut",
    "et",
    "ad",
    "ex",
    "ea",
    "in",
    "eu",
    "non",
    "qui",
    "id",
    "est",
    "porta",
    "sem",
    "massa",
    "libero",
    "tempus",
}
"""Those of them that are words of living languages, too, or names."""
KEYS = ("asdf", "qwer", "zxcv", "yxcv", "hjkl", "blabla")
"""How words begin that are keys in a row."""
NOTHING = {"foo", "bar", "baz", "qux", "bla", "blah", "test", "xyz", "abc"}
"""Words for nothing, where two of them follow each other."""
SHARE, FEWEST = 0.4, 3
LONGEST = 1000
"""Characters of a text that are examined."""


def is_placeholder(text: str) -> bool:
    """Return True if a text says nothing, whatever its length: a good part of it is filler Latin, or keys in a row."""
    words = WORD.findall(text[:LONGEST].lower())
    different = set(words)
    telling = (different & LATIN) - SHORT
    if {"lorem", "ipsum"} <= telling:
        return True
    if len(telling) >= FEWEST and sum(word in LATIN for word in words) >= SHARE * len(words):
        return True
    struck = sum(word.startswith(KEYS) for word in words)
    if different & NOTHING:
        struck += sum({*pair} <= NOTHING for pair in pairwise(words)) * 2
    if struck and struck >= SHARE * len(words):
        return True
    return len(words) >= 5 and len(different) <= 2
