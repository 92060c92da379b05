"""What is costly and made once a run, whatever the number of pytest's processes."""

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest


def once(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object], worker: str
) -> Path:
    """Return a folder of this name that `make` has filled, once for all processes of a run.

    `worker` is the fixture `worker_id` of pytest-xdist. What could not be made is not tried again.
    """
    base = factory.getbasetemp()
    shared = base if worker == "master" else base.parent
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            assert not folder.exists(), f"{name} could not be made: an earlier error says why"
            folder.mkdir()
            make(folder)
            (folder / "complete").touch()
    return folder
