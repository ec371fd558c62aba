"""Recognize text that stands for a text: printers' Latin, and keys that were struck at random."""

from __future__ import annotations

import re

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
STRUCK = re.compile(r"\b(?:(?:asdf|qwer|zxcv|hjkl|yxcv)\w*|(?:bla){2,}h?|(?:foo|bar|baz|qux|blah?|test|xyz|abc)(?:[\s,.;]+(?:foo|bar|baz|qux|blah?|test|xyz|abc))+)\b", re.IGNORECASE)  # fmt: skip
"""Keys in a row, and words for nothing, one after the other."""
SHARE, FEWEST = 0.4, 3


def is_placeholder(text: str) -> bool:
    """Return True if a text says nothing, whatever its length: a good part of it is filler Latin, or keys in a row."""
    words = [word.lower() for word in WORD.findall(text[:5000])]
    latin = [word for word in words if word in LATIN]
    telling = set(latin) - SHORT
    if len(telling) >= FEWEST and len(latin) >= SHARE * len(words):
        return True
    if {"lorem", "ipsum"} <= telling:
        return True
    struck = sum(len(WORD.findall(found)) for found in STRUCK.findall(text[:5000]))
    if struck and struck >= SHARE * len(words):
        return True
    return len(words) >= 5 and len(set(words)) <= 2
