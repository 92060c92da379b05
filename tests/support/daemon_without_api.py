"""A daemon in this process, with the place of the API taken by a list."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from hakeeper.adapters.hetzner import HetznerPool
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.sinks import Target
from hakeeper.adapters.last_check import boottime_s
from hakeeper.adapters.redaction import Redactor
from hakeeper.adapters.sd_notify import Notifier
from hakeeper.compose import Folders, compose
from hakeeper.config import Config, parse
from hakeeper.core.calls import (
    Answer,
    CallResult,
    Request,
)
from hakeeper.core.events import StartCall
from hakeeper.daemon import Daemon
from hakeeper.loading import Loader
from tests.support.signals import lent_signals

CONFIG = """
instances: {VI_1: {floating_ips: [203.0.113.10]}}
keepalived: {fifo: %s/fifo, pid_file: %s/keepalived.pid, state: none}
"""


class Calls:
    """Stands where the pool stands: calls are noted, and answered by the test."""

    def __init__(self) -> None:
        self.started: list[StartCall] = []
        self.left = 0
        """How many of them had been started when the loop last let them leave."""
        self.deliver: Callable[[CallResult], None] = lambda _: None

    def start(self, call: StartCall, decided_at_s: float) -> None:
        assert 0.0 < decided_at_s <= boottime_s()
        self.started.append(call)

    def let_leave(self, limit_s: float) -> None:
        """Nothing here is ever sent."""
        assert 0.0 <= limit_s < 0.1  # nothing is left where the machine stood still
        self.left = len(self.started)

    def cancel(self, call_id: int) -> None:
        """Nothing here was ever sent."""

    def close(self) -> None:
        """There is nothing to close."""

    def answer(self, kind: type[Request], answer: Answer) -> None:
        call = next(call for call in self.started if isinstance(call.request, kind))
        self.deliver(
            CallResult(call_id=call.call_id, outcome=answer, sent_at_s=0.0, finished_at_s=0.0)
        )


class CallsLoader(Loader):
    """A loader that makes no pool of threads."""

    def __init__(self, calls: Calls) -> None:
        super().__init__(Path("test.yaml"), Redactor(), pytest.fail)
        self._calls = calls

    def make_pool(
        self,
        config: Config,
        api: str,
        deliver: Callable[[CallResult], None],
        objection: Callable[[float], str | None],
    ) -> HetznerPool:
        del config, api, objection
        self._calls.deliver = deliver
        return cast("HetznerPool", self._calls)


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def daemon(tmp_path: Path, calls: Calls) -> Iterator[Daemon]:
    os.mkfifo(tmp_path / "fifo", 0o600)
    with Path(os.devnull).open("wb") as nowhere, lent_signals() as signals:
        reporter = Reporter(Target.JSON, redact=str, fd=nowhere.fileno())
        made = compose(
            parse(CONFIG % (tmp_path, tmp_path), "test.yaml"),
            CallsLoader(calls),
            folders=Folders(
                control_socket=tmp_path / "c.sock",
                state_file=tmp_path / "state.json",
                pause_file=tmp_path / "pause.json",
                step_down_file=tmp_path / "step-down.json",
                hooks_socket=tmp_path / "hooks.sock",
            ),
            reporter=reporter,
            notifier=Notifier(redact=str, on_error=pytest.fail),
            signals=signals,
        )
        yield made
        made._end()
        reporter.close()
