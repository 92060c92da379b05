"""The requests of the core, carried out with hcloud's client, one after the other."""

from typing import Any, TypeAlias, assert_never

from hcloud import Client

from hakeeper.adapters.hetzner import identify, parse
from hakeeper.adapters.hetzner.call_guard import CallGuard
from hakeeper.adapters.hetzner.listing import Page, PageOf
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


def perform(client: Client, guard: CallGuard, identity: identify.Identity) -> Answer | Page:
    """Carry out the request of a call; of a list, only the page that the guard is for.

    Raises hcloud's APIException for error answers, and our own errors of errors.py.
    """
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
