"""An address of a template is one that Copier clones, whatever git and pip call it."""

from __future__ import annotations

import pytest
from copier._vcs import get_repo

from meshwright.core.git_url import copier_address, same_template

ADDRESSES = (
    "https://git.example.org/platform/meshwright",
    "https://git.example.org/platform/meshwright.git",
    "git+https://git.example.org/platform/meshwright",
    "file:///srv/meshwright",
    "ssh://git@git.example.org/platform/meshwright",
    "git@git.example.org:platform/meshwright",
    "git@github.com:example/meshwright",
    "https://github.com/example/meshwright",
    "gh:example/meshwright",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_copier_takes_it_for_a_repository(address: str) -> None:
    given = copier_address(address)
    assert get_repo(given) is not None
    assert same_template(given, address)
    assert copier_address(given) == given


def test_a_folder_stays_a_folder() -> None:
    assert copier_address("/srv/mesh wright") == "/srv/mesh wright"
    assert copier_address("../meshwright") == "../meshwright"
