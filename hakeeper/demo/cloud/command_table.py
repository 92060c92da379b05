"""Commands that every simulated API has, and how any command is carried out."""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from hakeeper.demo.cloud.engine import Engine
from hakeeper.demo.cloud.errors import ApiError
from hakeeper.demo.cloud.faults import Fault
from hakeeper.demo.cloud.server_front import CommandError
from hakeeper.demo.cloud.values import Counters, Json, JsonObject, to_json

MAX_WAIT_S = 30.0


class BasicPorts(Protocol):
    """What commands need of the listening ports."""

    def drop_connections(self) -> None:
        """Reset the API's connections."""

    def use_certificate(self, certfile: str, keyfile: str) -> None:
        """Serve another certificate."""

    def connection_counts(self) -> tuple[int, int]:
        """Return how many connections were accepted and how many are open."""


class CommandTable:
    """Carries out commands on an engine: the methods whose names begin with `_do_`."""

    self_locking: ClassVar[frozenset[str]] = frozenset({"wait", "use_certificate"})
    """Commands that lock by themselves."""

    def __init__(self, engine: Engine, ports: BasicPorts) -> None:
        """Take the parts to act on."""
        self._engine = engine
        self._ports = ports
        self._table: dict[str, Callable[[Json], object]] = {
            name.removeprefix("_do_"): getattr(self, name)
            for name in dir(self)
            if name.startswith("_do_")
        }

    def run(self, command: str, arguments: JsonObject) -> Any:  # noqa: ANN401 - JSON
        """Carry out a command; raises CommandError with the reason if that fails."""
        function = self._table.get(command)
        if function is None:
            raise CommandError(f"no such command: {command}")
        if command in self.self_locking:
            return self._guarded(function, arguments)
        with self._engine.changed:
            self._engine.advance(self._engine.now())
            return self._guarded(function, arguments)

    @staticmethod
    def _guarded(function: Callable[[Json], object], arguments: JsonObject) -> object:
        try:
            return function(Json(arguments))
        except (ApiError, TypeError, ValueError, KeyError, OSError) as error:
            raise CommandError(f"{type(error).__name__}: {error}") from error

    # --- trouble --------------------------------------------------------------------------------

    def _do_fault(self, given: Json) -> int:
        return self._engine.add_fault(Fault.from_json(given.data["fault"]))

    def _do_clear(self, given: Json) -> None:
        self._engine.clear_fault(given.integer("id"))

    def _do_clear_all(self, _given: Json) -> None:
        for fault_id in self._engine.faults.unreleased():
            self._engine.clear_fault(fault_id)

    def _do_faults(self, _given: Json) -> list[JsonObject]:
        return [to_json(record) for record in self._engine.faults.records()]

    def _do_drop_connections(self, _given: Json) -> None:
        self._ports.drop_connections()
        self._engine.touch()

    def _do_use_certificate(self, given: Json) -> None:
        self._ports.use_certificate(given.text("certfile"), given.text("keyfile"))

    # --- asking ---------------------------------------------------------------------------------

    def _do_requests(self, given: Json) -> list[JsonObject]:
        entries = self._engine.log.entries(int(given.number("after_seq")))
        return [to_json(entry) for entry in entries]

    def _do_counters(self, _given: Json) -> JsonObject:
        accepted, still_open = self._ports.connection_counts()
        counters = Counters(
            connections=accepted,
            open_connections=still_open,
            dropped_log_entries=self._engine.log.dropped,
        )
        return to_json(counters)

    def _do_wait(self, given: Json) -> int:
        timeout_s = min(given.number("timeout_s"), MAX_WAIT_S)
        return self._engine.wait(given.integer("after_version"), timeout_s)
