"""Each set-up is tried once in a session, by whichever process of it asks first."""

import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hakeeper.demo.lab import Lab
from tests.corpus.setup import SetUp
from tests.corpus.trial import Outcome, try_out

Try = Callable[[SetUp], Outcome]


@pytest.fixture(scope="session", autouse=True)
def _lab_is_possible() -> None:
    reason = Lab.available()
    if reason is not None:
        pytest.skip(f"no lab with real keepalived here: {reason}")


@pytest.fixture(scope="session")
def outcome_of(tmp_path_factory: pytest.TempPathFactory) -> Try:
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "corpus"
    folder.mkdir(exist_ok=True)
    return lambda setup: _once(setup, folder)


def _once(setup: SetUp, folder: Path) -> Outcome:
    """Return the stored outcome, else try it; the others wait at the lock meanwhile."""
    path = folder / hashlib.sha256(setup.name.encode()).hexdigest()
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return Outcome.from_json(path.read_text())
        outcome = try_out(setup)
        path.write_text(outcome.to_json())
        return outcome
