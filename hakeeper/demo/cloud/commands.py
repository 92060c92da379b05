"""The commands of the control API, each from a JSON object to a JSON value."""

import dataclasses
from typing import Protocol

from hakeeper.demo.cloud import rendering
from hakeeper.demo.cloud.command_table import BasicPorts, CommandTable
from hakeeper.demo.cloud.engine import CloudEngine
from hakeeper.demo.cloud.values import USUAL, Json, JsonObject, to_json


class Ports(BasicPorts, Protocol):
    """What commands of the cloud need of the listening ports."""

    def metadata_url(self, server: int, host: str | None, port: int) -> str:
        """Open a metadata service."""


class Commands(CommandTable):
    """Carries out commands on the engine of a cloud."""

    self_locking = CommandTable.self_locking | {"metadata_url"}

    def __init__(self, engine: CloudEngine, ports: Ports) -> None:
        """Take the parts to act on."""
        super().__init__(engine, ports)
        self._engine: CloudEngine = engine
        self._ports: Ports = ports

    # --- the scene ------------------------------------------------------------------------------

    def _do_add_server(self, given: Json) -> int:
        server = self._engine.model.add_server(
            given.text("name"),
            self._engine.now(),
            server_id=given.optional_integer("server_id"),
            location=given.text("location", "fsn1"),
            status=given.text("status", "running"),
            labels=given.labels(),
            ipv4=given.optional_text("ipv4") if "ipv4" in given.data else USUAL,
            ipv6=given.optional_text("ipv6") if "ipv6" in given.data else USUAL,
            private_ips=given.texts("private_ips"),
        )
        self._engine.touch()
        return server.id

    def _do_add_floating_ip(self, given: Json) -> int:
        floating_ip = self._engine.model.add_floating_ip(
            given.text("name"),
            given.text("ip"),
            self._engine.now(),
            floating_ip_id=given.optional_integer("floating_ip_id"),
            server=given.optional_integer("server"),
            location=given.text("location", "fsn1"),
            labels=given.labels(),
            blocked=bool(given.data.get("blocked")),
            description=given.optional_text("description"),
        )
        self._engine.touch()
        return floating_ip.id

    def _do_add_network(self, given: Json) -> int:
        network = self._engine.model.networks.add(
            given.text("name"),
            given.text("ip_range"),
            self._engine.now(),
            network_id=given.optional_integer("network_id"),
            subnets=given.texts("subnets"),
            labels=given.labels(),
        )
        self._engine.touch()
        return network.id

    def _do_attach(self, given: Json) -> None:
        self._engine.model.attach(
            given.integer("server"),
            given.integer("network"),
            given.text("ip"),
            self._engine.now(),
            given.texts("alias_ips"),
        )
        self._engine.touch()

    def _do_detach(self, given: Json) -> None:
        server, network = given.integer("server"), given.integer("network")
        self._engine.model.detach(server, network, self._engine.now())
        self._engine.touch()

    def _do_remove_server(self, given: Json) -> None:
        self._engine.model.remove_server(given.integer("server"), self._engine.now())
        self._engine.touch()

    def _do_remove_floating_ip(self, given: Json) -> None:
        self._engine.model.remove_floating_ip(given.integer("floating_ip"), self._engine.now())
        self._engine.touch()

    def _do_set_server_status(self, given: Json) -> None:
        self._engine.model.server(given.integer("server")).status = given.text("status")
        self._engine.touch()

    def _do_set_blocked(self, given: Json) -> None:
        floating_ip = self._engine.model.floating_ip(given.integer("floating_ip"))
        floating_ip.blocked = bool(given.data.get("blocked"))
        self._engine.touch()

    def _do_set_labels(self, given: Json) -> None:
        number, labels = given.integer("floating_ip"), given.labels()
        self._engine.model.update_floating_ip(number, labels=labels)
        self._engine.touch()

    def _do_add_client(self, given: Json) -> str:
        read_only = bool(given.data.get("read_only"))
        token = given.optional_text("token")
        return self._engine.tokens.give(given.text("name"), token, read_only=read_only)

    def _do_revoke(self, given: Json) -> None:
        self._engine.tokens.revoke(given.text("client"))

    def _do_set_rules(self, given: Json) -> None:
        wanted = {name: value for name, value in given.data.items() if value is not None}
        self._engine.model.rules = dataclasses.replace(self._engine.model.rules, **wanted)

    def _do_set_rate_limit(self, given: Json) -> None:
        limit_per_hour = given.integer("limit_per_hour")
        if limit_per_hour < 1:
            raise ValueError("limit_per_hour must be at least 1")
        remaining = given.optional_integer("remaining")
        self._engine.bucket.set(limit_per_hour, remaining, self._engine.now())

    def _do_metadata_url(self, given: Json) -> str:
        host, port = given.optional_text("host"), int(given.number("port"))
        return self._ports.metadata_url(given.integer("server"), host, port)

    # --- trouble --------------------------------------------------------------------------------

    def _do_move(self, given: Json) -> None:
        floating_ip, server = given.integer("floating_ip"), given.optional_integer("server")
        self._engine.model.move(floating_ip, server, self._engine.now())
        self._engine.touch()

    def _do_set_alias_ips(self, given: Json) -> None:
        server, network = given.integer("server"), given.integer("network")
        now = self._engine.now()
        self._engine.model.set_alias_ips(server, network, given.texts("alias_ips"), now)
        self._engine.touch()

    # --- asking ---------------------------------------------------------------------------------

    def _do_holder(self, given: Json) -> object:
        model = self._engine.model
        return model.register.holder(model.floating_ip(given.integer("floating_ip")).id)

    def _do_holder_changes(self, _given: Json) -> list[JsonObject]:
        return [to_json(change) for change in self._engine.model.changes]

    def _do_aliases(self, given: Json) -> JsonObject:
        return dict(self._engine.model.networks.aliases(given.integer("network")))

    def _do_alias_changes(self, _given: Json) -> list[JsonObject]:
        return [to_json(change) for change in self._engine.model.networks.changes]

    def _do_actions(self, _given: Json) -> list[JsonObject]:
        model = self._engine.model
        now = self._engine.now()
        return [rendering.action(model, each, now) for each in model.register.actions.values()]
