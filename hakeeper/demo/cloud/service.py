"""The handling of a request, from its last byte to its answer: faults, the API, the log."""

import re
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hakeeper.demo.cloud.connection import Connection
from hakeeper.demo.cloud.engine import Engine
from hakeeper.demo.cloud.faults import Answer, Fault, Network
from hakeeper.demo.cloud.listener import Listener
from hakeeper.demo.cloud.values import LoggedRequest
from hakeeper.demo.cloud.wire import HttpAnswer, HttpRequest

Observer = Callable[[str, str, int, Any], None]
"""Called with method, path, status and body of each JSON answer, before a fault changes it."""

_NO_FAULT = Fault()
_UNHEARD_OF = b'{"unheard_of":"of",'
_PAGINATION = b'"pagination":{'
_OBJECT = re.compile(rb'(?<!"pagination":)\{')


@dataclass(frozen=True, slots=True)
class Met:
    """The fault that affects a request; id None: there is none."""

    id: int | None
    fault: Fault
    connection: Connection
    """What the request came by."""


class Service(ABC):
    """Serves connections: every request is logged and may be affected by a fault."""

    def __init__(
        self, engine: Engine, address: tuple[str, int], tls: ssl.SSLContext | None = None
    ) -> None:
        """Bind the address."""
        self.engine = engine
        self.listener = Listener(
            address, self._serve, tls=tls, gate=self._gate, on_change=engine.touch
        )

    @abstractmethod
    def client_of(self, request: HttpRequest) -> str:
        """Return the client's name."""

    @abstractmethod
    def decide(self, request: HttpRequest, met: Met) -> tuple[HttpAnswer, str]:
        """Carry out the request as far as the fault allows; return answer and error code."""

    def _gate(self, connection: Connection) -> bool:
        del connection
        return True

    def _idle_limit_s(self) -> float | None:
        return None

    def _serve(self, connection: Connection) -> None:
        while (request := connection.read_request(self._idle_limit_s)) is not None:
            if not self._answer(connection, request) or not request.keep_alive:
                return

    def _answer(self, connection: Connection, request: HttpRequest) -> bool:
        engine = self.engine
        client = self.client_of(request)
        connection.clients.add(client)
        with engine.changed:
            now = engine.now()
            found = engine.faults.meet(request.method, request.path, client, now)
            fault_id, fault = found if found is not None else (None, _NO_FAULT)
            met = Met(fault_id, fault, connection)
            entry = _entry(engine.log.next_seq(), connection, client, request, now)
            engine.log.add(replace(entry, fault=met.id))
            engine.touch()
        connection.pause(met.fault.delay_s)
        if connection.dropped:
            return False
        with engine.changed:
            answer, code = self.decide(replace(request, source=connection.source), met)
            engine.log.update(entry.seq, status=answer.status, code=code, handled=met.fault.handles)
            engine.touch()
        headers = {**answer.headers, "X-Correlation-Id": entry.correlation_id}
        answer = replace(answer, headers=headers, keep_alive=request.keep_alive)
        connection.pause(met.fault.answer_delay_s)
        return self._deliver(connection, answer, met, entry.seq)

    def _deliver(self, connection: Connection, answer: HttpAnswer, met: Met, seq: int) -> bool:
        fault = met.fault
        if fault.answer is Answer.NEVER:
            connection.hold(lambda: self._released(met.id))
            return False
        if fault.answer in {Answer.RESET, Answer.CLOSE}:
            connection.close(reset=fault.answer is Answer.RESET)
            return False
        data = _spoil(answer, fault).to_bytes()
        if fault.answer is Answer.TRUNCATED:
            connection.send(data[: len(data) - len(answer.body) // 2 - 1], fault.drip_s)
            return False
        if not connection.send(data, fault.drip_s):
            return False
        with self.engine.changed:
            self.engine.log.update(seq, answered_s=self.engine.now())
            self.engine.touch()
        return True

    def _released(self, fault_id: int | None) -> bool:
        with self.engine.changed:
            return fault_id is None or self.engine.faults.released(fault_id)


class PortService(Service):
    """An API's port, the only one that network faults affect."""

    def __init__(
        self,
        engine: Engine,
        address: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Bind the address and watch for network faults."""
        super().__init__(engine, address, tls)
        self._observer = observer
        self._frozen_by: set[int] = set()
        engine.on_trouble.append(self._look_at_network_faults)

    def observe(self, request: HttpRequest, status: int, body: object) -> None:
        """Show a JSON answer to the observer, if there is one."""
        if self._observer is not None and body is not None:
            self._observer(request.method, request.path, status, body)

    def _gate(self, connection: Connection) -> bool:
        if self._active(Network.HANDSHAKE_HANG):
            connection.hold(lambda: not self._active(Network.HANDSHAKE_HANG))
            return False
        return True

    def _active(self, kind: Network) -> bool:
        with self.engine.changed:
            return bool(self.engine.faults.active(kind))

    def _idle_limit_s(self) -> float | None:
        with self.engine.changed:
            limits = [fault.idle_s for _, fault in self.engine.faults.active(Network.IDLE_CLOSE)]
        return min(limits, default=None)

    def _look_at_network_faults(self) -> None:
        refuse = bool(self.engine.faults.active(Network.REFUSE))
        self.listener.set_open(wanted=not refuse)
        freezing = dict(self.engine.faults.active(Network.FREEZE))
        for connection in self.listener.connections():
            for fault_id, fault in freezing.items():
                new = fault_id not in self._frozen_by
                if new and (fault.client is None or fault.client in connection.clients):
                    connection.frozen_by = connection.frozen_by or fault_id
            thawed = connection.frozen_by is not None and connection.frozen_by not in freezing
            if refuse or thawed:
                connection.drop()
            connection.wake()
        self._frozen_by |= set(freezing)


def _entry(
    seq: int, connection: Connection, client: str, request: HttpRequest, now: float
) -> LoggedRequest:
    return LoggedRequest(
        seq=seq,
        connection=connection.number,
        client=client,
        source=connection.source,
        method=request.method,
        path=request.path,
        query=request.query,
        body=request.body.decode("utf-8", "replace"),
        correlation_id=f"sim-{seq:08d}",
        received_s=now,
    )


def _spoil(answer: HttpAnswer, fault: Fault) -> HttpAnswer:
    match fault.answer:
        case Answer.MALFORMED:
            return replace(answer, body=answer.body[: len(answer.body) // 2] + b"\x00<")
        case Answer.HUGE:
            padding = b'{"padding":"' + b"x" * fault.size_bytes + b'",'
            return replace(answer, body=padding + answer.body.removeprefix(b"{"))
        case Answer.EXTRA_FIELDS:
            body = _OBJECT.sub(_UNHEARD_OF, answer.body).replace(b",}", b"}")
            return replace(answer, body=body)
        case Answer.EXTRA_PAGINATION:
            body = answer.body.replace(_PAGINATION, _PAGINATION + _UNHEARD_OF[1:])
            return replace(answer, body=body)
        case _:
            return answer
