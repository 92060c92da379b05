"""A bare server for each test, with the token where the service reads it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.demo.lab import Lab
from tests.setup.bare import Bare, bare_server


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Bare]:
    reason = Lab.available()
    if reason is not None:
        pytest.skip(f"no real keepalived here: {reason}")
    with bare_server(tmp_path) as bare:
        yield bare


@pytest.fixture
def server(bare: Bare) -> Bare:
    place = bare.etc / "hakeeper/token"
    place.touch(mode=0o600)
    place.write_text(bare.token + "\n")
    return bare
