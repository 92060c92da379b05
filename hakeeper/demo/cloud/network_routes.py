"""The API's private networks, their members, and the change of alias IPs."""

from collections.abc import Callable
from ipaddress import IPv4Address

from hakeeper.demo.cloud import query, rendering
from hakeeper.demo.cloud.calls import Call, json_body
from hakeeper.demo.cloud.errors import ApiError, invalid_input
from hakeeper.demo.cloud.model import CloudModel
from hakeeper.demo.cloud.values import JsonObject


class NetworkRoutes:
    """The functions of the routes."""

    def __init__(self, model: CloudModel) -> None:
        """Serve this model's networks."""
        self._model = model

    def list_networks(self, call: Call) -> JsonObject:
        """GET /networks."""
        found = query.named(self._model.networks.all.values(), call.query)
        keys: dict[str, Callable[..., float | str]] = {
            "id": lambda item: item.id,
            "name": lambda item: item.name,
            "created": lambda item: item.created_s,
        }
        ordered = query.sorted_by(found, call.query, keys)
        rendered = [rendering.network(self._model, item, call.as_of_s) for item in ordered]
        return query.page("networks", rendered, call.query)

    def get_network(self, call: Call) -> JsonObject:
        """GET /networks/{id}."""
        item = self._model.networks.get(call.ids[0])
        return {"network": rendering.network(self._model, item, call.as_of_s)}

    def list_members(self, call: Call) -> JsonObject:
        """GET /networks/{id}/members."""
        if not self._model.rules.members:
            raise ApiError("not_found", "path not found", {})
        item = self._model.networks.get(call.ids[0])
        types = query.choices(call.query, "type", {"server", "load_balancer"})
        states = {"ok", "attaching", "detaching", "updating", "error"}
        statuses = query.choices(call.query, "status", states)
        subnets = set(call.query.get("subnet", ()))
        found = [
            member
            for member in rendering.members(self._model, item, call.as_of_s)
            if (not types or member["type"] in types)
            and (not statuses or member["status"] in statuses)
            and (not subnets or member["subnet"] in subnets)
        ]
        keys: dict[str, Callable[..., float | str]] = {
            "id": lambda member: member["id"],
            "type": lambda member: member["type"],
            "status": lambda member: member["status"],
            "ip": lambda member: int(IPv4Address(member["ip"])),
        }
        return query.page("members", query.sorted_by(found, call.query, keys), call.query)

    def change_alias_ips(self, call: Call) -> JsonObject:
        """POST /servers/{id}/actions/change_alias_ips."""
        body = json_body(call.body)
        network, alias_ips = body.get("network"), body.get("alias_ips")
        if not isinstance(network, int) or isinstance(network, bool):
            raise invalid_input("network", "must be a network ID")
        if not isinstance(alias_ips, list) or not all(isinstance(each, str) for each in alias_ips):
            raise invalid_input("alias_ips", "must be a list of IP addresses")
        action = self._model.change_alias_ips(
            call.ids[0], network, alias_ips, call.now, cause=call.client, quirk=call.quirk
        )
        return {"action": rendering.action(self._model, action, call.now)}
