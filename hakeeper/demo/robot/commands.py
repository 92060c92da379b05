"""The commands of the simulated Robot's control API, each from a JSON object to a JSON value."""

import dataclasses

from hakeeper.demo.cloud.command_table import BasicPorts, CommandTable
from hakeeper.demo.cloud.values import Json, JsonObject, to_json
from hakeeper.demo.robot.service import RobotEngine
from hakeeper.demo.robot.values import Kind, Login


class RobotCommands(CommandTable):
    """Carries out commands on the engine of a simulated Robot."""

    def __init__(self, engine: RobotEngine, ports: BasicPorts) -> None:
        """Take the parts to act on."""
        super().__init__(engine, ports)
        self._robot = engine
        self._model = engine.model

    # --- the scene ------------------------------------------------------------------------------

    def _do_add_server(self, given: Json) -> int:
        number = given.optional_integer("number")
        return self._model.add_server(given.text("ip"), given.text("ipv6_net"), number).number

    def _do_add_failover(self, given: Json) -> str:
        owner, to = given.integer("owner"), given.optional_integer("to")
        made = self._model.add_failover(given.text("network"), owner, to, self._robot.now())
        self._robot.touch()
        return made.ip

    def _do_remove_server(self, given: Json) -> None:
        self._model.remove_server(given.integer("number"), self._robot.now())
        self._robot.touch()

    def _do_add_client(self, given: Json) -> JsonObject:
        login = None
        if "user" in given.data:
            login = Login(given.text("user"), given.text("password"))
        return to_json(self._robot.logins.give(given.text("name"), login))

    def _do_set_rules(self, given: Json) -> None:
        wanted = {name: value for name, value in given.data.items() if value is not None}
        self._model.rules = dataclasses.replace(self._model.rules, **wanted)

    def _do_set_quota(self, given: Json) -> None:
        max_requests, left = given.integer("max_requests"), given.optional_integer("left")
        kind = Kind(given.text("kind"))
        self._robot.quotas.set(kind, max_requests, left, self._robot.now())

    def _do_unblock(self, _given: Json) -> None:
        self._robot.logins.unblock()

    def _do_move(self, given: Json) -> None:
        to = given.optional_integer("to")
        self._model.move(given.text("ip"), to, self._robot.now())
        self._robot.touch()

    # --- asking ---------------------------------------------------------------------------------

    def _do_holder(self, given: Json) -> object:
        return self._model.register.holder(self._model.failover(given.text("ip")).ip)

    def _do_failover(self, given: Json) -> JsonObject:
        return self._model.shown(self._model.failover(given.text("ip")), self._robot.now())

    def _do_left(self, given: Json) -> int:
        kind, now = Kind(given.text("kind")), self._robot.now()
        return self._robot.quotas.left(kind, now, self._model.rules.interval_s)

    def _do_is_blocked(self, given: Json) -> bool:
        return self._robot.logins.is_blocked(given.text("source"), self._robot.now())

    def _do_route_changes(self, _given: Json) -> list[JsonObject]:
        return [to_json(change) for change in self._model.changes]
