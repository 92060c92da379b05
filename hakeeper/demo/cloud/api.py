"""The HTTP API without HTTP: from a request value to a reply value. Pure, like the model."""

import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hakeeper.demo.cloud import query, rendering
from hakeeper.demo.cloud.access import Bucket, Tokens, limit_reached
from hakeeper.demo.cloud.calls import Call, Route, json_body
from hakeeper.demo.cloud.errors import ApiError, invalid_input, not_found
from hakeeper.demo.cloud.model import CloudModel
from hakeeper.demo.cloud.network_routes import NetworkRoutes
from hakeeper.demo.cloud.project import NO_QUIRK, Action, Quirk
from hakeeper.demo.cloud.values import JsonObject

BASE_PATH = "/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """One request; `path` includes the base path, `query` is as in the URL."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    authorization: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer; `body` None means an empty body."""

    status: int
    body: JsonObject | None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The error code, or an empty string."""
        if self.status < 400 or self.body is None:  # noqa: PLR2004 - HTTP's own number
            return ""
        return str(self.body["error"]["code"])


class Api:
    """The project behind its API: checks access first, then calls the route."""

    def __init__(self, model: CloudModel, tokens: Tokens, bucket: Bucket) -> None:
        """Serve this model, with these tokens and this limit."""
        self.model = model
        self.tokens = tokens
        self.bucket = bucket
        networks = NetworkRoutes(model)
        self._routes: Sequence[tuple[str, re.Pattern[str], Route]] = (
            ("GET", _pattern("/floating_ips"), self._list_floating_ips),
            ("GET", _pattern("/floating_ips/{}"), self._get_floating_ip),
            ("PUT", _pattern("/floating_ips/{}"), self._update_floating_ip),
            ("POST", _pattern("/floating_ips/{}/actions/assign"), self._assign),
            ("POST", _pattern("/floating_ips/{}/actions/unassign"), self._unassign),
            ("GET", _pattern("/actions"), self._list_actions),
            ("GET", _pattern("/actions/{}"), self._get_action),
            ("GET", _pattern("/servers"), self._list_servers),
            ("GET", _pattern("/servers/{}"), self._get_server),
            ("POST", _pattern("/servers/{}/actions/change_alias_ips"), networks.change_alias_ips),
            ("GET", _pattern("/networks"), networks.list_networks),
            ("GET", _pattern("/networks/{}"), networks.get_network),
            ("GET", _pattern("/networks/{}/members"), networks.list_members),
            *self._routes_of_actions("/floating_ips", "floating_ip", model.floating_ip),
            *self._routes_of_actions("/servers", "server", model.server),
            *self._routes_of_actions("/networks", "network", model.networks.get),
        )

    def _routes_of_actions(
        self, path: str, kind: str, resource: Callable[[int], object]
    ) -> list[tuple[str, re.Pattern[str], Route]]:
        return [
            ("GET", _pattern(path + "/actions"), self._actions_of(kind)),
            ("GET", _pattern(path + "/actions/{}"), self._action_of(kind)),
            ("GET", _pattern(path + "/{}/actions"), self._actions_of_one(kind, resource)),
            ("GET", _pattern(path + "/{}/actions/{}"), self._action_of(kind)),
        ]

    def handle(
        self, request: ApiRequest, now: float, *, quirk: Quirk = NO_QUIRK, stale_s: float = 0.0
    ) -> Reply:
        """Carry out the request. `stale_s`: readings show the state as it was that long ago."""
        self.model.register.advance(now)
        try:
            if not self.bucket.take(now):
                raise limit_reached(self.bucket.limit_per_hour, request.authorization)
            self.tokens.check(request.authorization, request.method)
            status, body = self._route(request, now, quirk, stale_s)
        except ApiError as error:
            status, body = error.status, error.body()
        return Reply(status=status, body=body, headers=self.headers(now))

    def headers(self, now: float, *, empty: bool = False) -> dict[str, str]:
        """Return the rate limit's headers; `empty` for a 429 that a fault causes."""
        return self.bucket.headers(now, self.model.epoch_s, empty=empty)

    def _route(
        self, request: ApiRequest, now: float, quirk: Quirk, stale_s: float
    ) -> tuple[int, JsonObject]:
        known_path = False
        for method, pattern, route in self._routes:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            known_path = True
            if method != request.method:
                continue
            call = Call(
                ids=[int(group) for group in match.groups()],
                query=urllib.parse.parse_qs(request.query, keep_blank_values=True),
                body=request.body,
                now=now,
                as_of_s=now - stale_s,
                client=self.tokens.client_of(request.authorization),
                quirk=quirk,
            )
            return (201 if method == "POST" else 200), route(call)
        if known_path:
            raise ApiError("method_not_allowed", "method not allowed", {})
        raise ApiError("not_found", "path not found", {})

    # --- floating IPs -------------------------------------------------------------------------

    def _list_floating_ips(self, call: Call) -> JsonObject:
        found = query.named(self.model.floating_ips.values(), call.query)
        keys: dict[str, Callable[..., float | str]] = {
            "id": lambda item: item.id,
            "created": lambda item: item.created_s,
        }
        ordered = query.sorted_by(found, call.query, keys)
        rendered = [rendering.floating_ip(self.model, item, call.as_of_s) for item in ordered]
        return query.page("floating_ips", rendered, call.query)

    def _get_floating_ip(self, call: Call) -> JsonObject:
        item = self.model.floating_ip(call.ids[0])
        return {"floating_ip": rendering.floating_ip(self.model, item, call.as_of_s)}

    def _update_floating_ip(self, call: Call) -> JsonObject:
        changes = json_body(call.body)
        for key in ("name", "description"):
            if not isinstance(changes.get(key, ""), str):
                raise invalid_input(key, "must be a string")
        labels = changes.get("labels", {})
        values = labels.values() if isinstance(labels, dict) else (None,)
        if not all(isinstance(each, str) for each in values):
            raise invalid_input("labels", "must be an object of strings")
        item = self.model.update_floating_ip(
            call.ids[0],
            name=changes.get("name"),
            description=changes.get("description"),
            labels=labels if "labels" in changes else None,
        )
        return {"floating_ip": rendering.floating_ip(self.model, item, call.now)}

    def _assign(self, call: Call) -> JsonObject:
        server = json_body(call.body).get("server")
        if not isinstance(server, int) or isinstance(server, bool):
            raise invalid_input("server", "must be a server ID")
        action = self.model.assign(
            call.ids[0], server, call.now, cause=call.client, quirk=call.quirk
        )
        return {"action": rendering.action(self.model, action, call.now)}

    def _unassign(self, call: Call) -> JsonObject:
        if call.body.strip():
            json_body(call.body)
        action = self.model.unassign(call.ids[0], call.now, cause=call.client, quirk=call.quirk)
        return {"action": rendering.action(self.model, action, call.now)}

    # --- actions --------------------------------------------------------------------------------

    def _known_actions(self, call: Call) -> list[Action]:
        return [
            each for each in self.model.register.actions.values() if each.started_s <= call.as_of_s
        ]

    def _page_of_actions(self, call: Call, actions: list[Action]) -> JsonObject:
        statuses = query.choices(call.query, "status", {"running", "success", "error"})
        found = [each for each in actions if not statuses or each.status(call.as_of_s) in statuses]
        keys: dict[str, Callable[..., float | str]] = {
            "id": lambda item: item.id,
            "command": lambda item: item.command,
            "status": lambda item: item.status(call.as_of_s),
            "started": lambda item: item.started_s,
            "finished": lambda item: item.ends_s,
        }
        ordered = query.sorted_by(found, call.query, keys)
        rendered = [rendering.action(self.model, item, call.as_of_s) for item in ordered]
        return query.page("actions", rendered, call.query)

    def _list_actions(self, call: Call) -> JsonObject:
        ids = query.numbers(call.query, "id")
        if not ids:
            raise invalid_input("id", "is required")
        return self._page_of_actions(call, [a for a in self._known_actions(call) if a.id in ids])

    def _actions_of(self, kind: str) -> Route:
        def route(call: Call) -> JsonObject:
            ids = query.numbers(call.query, "id")
            known = [each for each in self._known_actions(call) if each.concerns(kind)]
            found = [each for each in known if not ids or each.id in ids]
            return self._page_of_actions(call, found)

        return route

    def _actions_of_one(self, kind: str, resource: Callable[[int], object]) -> Route:
        def route(call: Call) -> JsonObject:
            resource(call.ids[0])
            known = self._known_actions(call)
            found = [each for each in known if each.concerns(kind, call.ids[0])]
            return self._page_of_actions(call, found)

        return route

    def _action_of(self, kind: str) -> Route:
        def route(call: Call) -> JsonObject:
            one = call.ids[0] if len(call.ids) > 1 else None
            return self._show_action(call, lambda action: action.concerns(kind, one))

        return route

    def _get_action(self, call: Call) -> JsonObject:
        return self._show_action(call, lambda _action: True)

    def _show_action(self, call: Call, wanted: Callable[[Action], bool]) -> JsonObject:
        found = [a for a in self._known_actions(call) if a.id == call.ids[-1] and wanted(a)]
        if not found:
            raise not_found("action", call.ids[-1])
        return {"action": rendering.action(self.model, found[0], call.as_of_s)}

    # --- servers --------------------------------------------------------------------------------

    def _list_servers(self, call: Call) -> JsonObject:
        statuses = set(call.query.get("status", ()))
        keys: dict[str, Callable[..., float | str]] = {
            "id": lambda item: item.id,
            "name": lambda item: item.name,
            "created": lambda item: item.created_s,
        }
        named = query.named(self.model.servers.values(), call.query)
        found = [item for item in named if not statuses or item.status in statuses]
        ordered = query.sorted_by(found, call.query, keys)
        rendered = [rendering.server(self.model, item, call.as_of_s) for item in ordered]
        return query.page("servers", rendered, call.query)

    def _get_server(self, call: Call) -> JsonObject:
        item = self.model.server(call.ids[0])
        return {"server": rendering.server(self.model, item, call.as_of_s)}


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(BASE_PATH + template.replace("{}", r"(\d{1,16})"))
