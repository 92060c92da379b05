"""A bench for the API adapter: a pool of calls, and what it delivers."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from hakeeper.adapters.hetzner import HetznerOptions, HetznerPool
from hakeeper.adapters.hetzner.cloud import Identity, cloud_sessions
from hakeeper.adapters.hetzner.cloud.identify import Sources
from hakeeper.adapters.hetzner.errors import Phase
from hakeeper.adapters.identity import Candidate, Miss
from hakeeper.core.calls import CallResult, Failure, Request
from hakeeper.core.events import StartCall
from hakeeper.core.observation import IpNetwork
from tests.support.hetzner_bodies import TOKEN
from tests.support.waiting import eventually


def redact(text: str) -> str:
    """Remove the token, and the half of it that Hetzner's 429 quotes."""
    return text.replace(TOKEN, "[token]").replace(TOKEN[:32], "[token]")


def nobody_local(limit_s: float) -> Iterator[Candidate | Miss]:
    """Know nothing of this machine."""
    del limit_s
    yield Miss("nothing", "there is none")


class Bench:
    """A pool, and what it delivered."""

    def __init__(
        self,
        endpoint: str,
        *,
        token: Callable[[], str] = lambda: TOKEN,
        ca_file: Path | None = None,
        server: str | int = "auto",
        identity: Sources = nobody_local,
        is_here: Callable[[Iterable[IpNetwork]], bool] = lambda _networks: True,
        workers: int = 8,
        warm: int = 0,
    ) -> None:
        """Make a pool for an endpoint."""
        self.results: list[CallResult] = []
        options = HetznerOptions(endpoint=endpoint, ca_file=ca_file, version="1.2.3")
        self.pool = HetznerPool(
            options,
            cloud_sessions(options, Identity(server, identity, is_here)),
            read_secret=token,
            redact=redact,
            deliver=self.results.append,
            workers=workers,
            warm=warm,
        )
        self._last_id = 0

    def start(self, request: Request, timeout_s: float = 20, *, urgent: bool = False) -> int:
        """Start a call and return its id."""
        self._last_id += 1
        self.pool.start(StartCall(self._last_id, request, timeout_s, urgent))
        return self._last_id

    def result(self, call_id: int) -> CallResult:
        """Wait for the result of a call."""
        eventually(lambda: self._of(call_id), 30, f"a result of call {call_id}")
        assert len(self._of(call_id)) == 1
        return self._of(call_id)[0]

    def call(self, request: Request, timeout_s: float = 20) -> CallResult:
        """Make a call and wait for its result."""
        return self.result(self.start(request, timeout_s))

    def run_out(self, call_id: int) -> CallResult:
        """Let the time of a call be over now, and wait until its worker has taken that in."""
        with self.pool._changed:
            if (guard := self.pool._guards.get(call_id)) is not None:
                guard.deadline_s = float("-inf")
            self.pool._changed.notify_all()
        result = self.result(call_id)
        eventually(lambda: not self.pool._busy, 30, "the workers to come back")
        return result

    def has_ended(self, call_id: int) -> bool:
        """Say whether the result of a call was delivered."""
        return bool(self._of(call_id))

    def is_in(self, call_id: int, phase: Phase) -> bool:
        """Say whether a call has come so far."""
        guard = self.pool._guards.get(call_id)
        return guard is not None and guard._phase is phase

    def failure(self, request: Request, timeout_s: float = 20) -> Failure:
        """Make a call that must fail, and return how it failed."""
        outcome = self.call(request, timeout_s).outcome
        assert isinstance(outcome, Failure)
        return outcome

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the pool, and check that each call ended exactly once."""
        self.pool.close()
        if kind is None:
            ended = sorted(result.call_id for result in self.results)
            assert list(range(1, self._last_id + 1)) == ended

    def _of(self, call_id: int) -> list[CallResult]:
        return [result for result in self.results if result.call_id == call_id]
