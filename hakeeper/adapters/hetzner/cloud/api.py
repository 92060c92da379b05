"""The requests of the core, carried out with hcloud's client, one after the other."""

from typing import Any, TypeAlias, assert_never

from hcloud import APIException, Client

from hakeeper.adapters.hetzner.call_guard import CallGuard
from hakeeper.adapters.hetzner.cloud import identify, parse
from hakeeper.adapters.hetzner.cloud.client import make_client
from hakeeper.adapters.hetzner.errors import ErrorAnswerError
from hakeeper.adapters.hetzner.listing import Page, PageOf
from hakeeper.adapters.hetzner.options import HetznerOptions
from hakeeper.adapters.hetzner.session import SessionMaker
from hakeeper.adapters.hetzner.transport import Transport
from hakeeper.core.calls import (
    ActionsRead,
    Answer,
    Identify,
    Mutate,
    MutationAccepted,
    OneRead,
    ReadActions,
    ReadAll,
    ReadOne,
    ReadServer,
    ServerRead,
)
from hakeeper.core.kind import HttpRequest, Kind, UnreadableAnswer
from hakeeper.core.observation import Key
from hakeeper.kinds import KINDS
from hakeeper.kinds.apis import CLOUD
from hakeeper.kinds.json_fields import field, sequence

PAGE_LIMIT = 100

Params: TypeAlias = dict[str, Any]


def cloud_sessions(options: HetznerOptions, identity: identify.Identity) -> SessionMaker:
    """Return what makes sessions of a token; it raises HcloudChangedError."""

    def make(token: str, transport: Transport) -> CloudSession:
        return CloudSession(make_client(token, options, transport), identity)

    return make


class CloudSession:
    """Speaks with Hetzner Cloud for one worker."""

    def __init__(self, client: Client, identity: identify.Identity) -> None:
        """Send with this client."""
        self._client = client
        self._identity = identity

    def perform(self, guard: CallGuard) -> Answer | Page:
        """Carry out the request of a call; of a list, only the page that the guard is for."""
        try:
            return _perform(self._client, guard, self._identity)
        except APIException as error:  # also for a 2xx whose body is no JSON
            code = error.code if isinstance(error.code, str) else ""
            raise ErrorAnswerError(code, str(error.message)) from error


def _perform(client: Client, guard: CallGuard, identity: identify.Identity) -> Answer | Page:
    match guard.call.request:
        case Identify() as request:
            return identify.identify(client, guard, identity, request.cached_server_id)
        case ReadAll(kind):
            request_of_page = guard.whole.listing.requests[guard.page.list]
            return _page(client, KINDS[kind], request_of_page, guard.page)
        case ReadOne(resource):
            kind_of = KINDS[resource.kind]
            reading = kind_of.read_request(resource)
            if reading is None:
                raise ValueError(f"{kind_of.noun}s are not read one by one")
            return OneRead(kind_of.read_one(_send(client, reading)))
        case Mutate(resource, step) as mutation:
            answer = _send(client, KINDS[resource.kind].request_of(mutation.resources, step))
            return MutationAccepted(parse.action(field(answer, "action")))
        case ReadActions(_, action_ids):
            return _actions(client, action_ids)
        case ReadServer(_, server_id):
            answer = client.request(method="GET", url=f"/servers/{server_id}")
            return ServerRead(parse.server(field(answer, "server")))
        case _ as never:
            assert_never(never)


def _send(client: Client, request: HttpRequest, **params: int) -> Any:  # noqa: ANN401  # JSON
    arguments: Params = {"method": request.method, "url": request.path}
    query = {**request.query, **params}
    if query:
        arguments["params"] = query
    if request.body is not None:
        arguments["json"] = dict(request.body)
    return client.request(**arguments)


def _page(client: Client, kind: Kind, request: HttpRequest, page: PageOf) -> Page:
    """Read a page; hcloud's get_all would never end against a server that always has a next."""
    answer = _send(client, request, page=page.number, per_page=CLOUD.page_size)
    reading = kind.read_list(request, answer)
    is_full = parse.entry_count(answer) >= CLOUD.page_size
    following = parse.next_page(answer, page.number, is_full=is_full)
    last = parse.last_page(answer)
    if following is not None and max(following, last or 0) > PAGE_LIMIT:
        raise UnreadableAnswer(f"more than {PAGE_LIMIT} pages of {kind.noun}s")
    return Page(of=page, reading=reading, following=following, last=last)


def _actions(client: Client, action_ids: tuple[Key, ...]) -> ActionsRead:
    params: Params = {
        "id": list(action_ids[: CLOUD.actions_per_call]),
        "per_page": CLOUD.page_size,
    }
    answer = client.request(method="GET", url="/actions", params=params)
    entries = sequence(field(answer, "actions"), "actions")
    return ActionsRead(tuple(parse.action(entry) for entry in entries))
