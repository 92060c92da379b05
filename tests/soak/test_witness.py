"""The lab's witness knows how late it may have been: a busy machine makes nobody guilty."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.demo.lab import Heard, Witness

VI_1 = VrrpId(VrrpKind.INSTANCE, "VI_1")


@dataclass(frozen=True)
class Told:
    """A witness of one node, and the pen that keepalived would hold."""

    witness: Witness
    fifo: Path

    def write(self, word: str) -> None:
        with self.fifo.open("w") as pen:
            pen.write(f'INSTANCE "VI_1" {word} 100\n')


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    fifo = tmp_path / "witness.fifo"
    os.mkfifo(fifo)
    witness = Witness({"a": fifo})
    yield Told(witness, fifo)
    witness.close()


def test_what_was_written_is_in_the_record_after_catching_up(told: Told) -> None:
    for word in ("MASTER", "BACKUP", "FAULT", "MASTER") * 5:
        told.write(word)
        told.witness.catch_up()
        assert Role(word) is told.witness.role("a", VI_1)


def test_a_line_that_is_read_late_may_have_been_written_since_the_last_look(told: Told) -> None:
    kept_waiting, go_on = threading.Event(), threading.Event()

    def stall(_heard: Heard) -> None:
        kept_waiting.set()
        go_on.wait()

    told.witness.listen(stall)
    told.write("BACKUP")
    kept_waiting.wait()
    told.write("MASTER")
    written_s = time.monotonic()
    go_on.set()
    told.witness.catch_up()

    (span,) = told.witness.master_spans("a", VI_1)
    assert span.from_s <= written_s
    assert told.witness.changes()[-1].at_s >= written_s
