"""What hcloud and requests would do behind our back, and that they do not."""

import functools
import re
from pathlib import Path
from typing import Any

import hcloud
import pytest
import requests

from hakeeper.adapters.hetzner import HetznerOptions
from hakeeper.adapters.hetzner.cloud import HcloudChangedError, client
from hakeeper.adapters.hetzner.connection import Connection
from hakeeper.adapters.hetzner.route import Route
from hakeeper.adapters.hetzner.transport import Transport
from hakeeper.adapters.hetzner.trust import FixedTrust
from hakeeper.core.calls import Failure, FailureKind, MutationAccepted
from tests.support.hetzner_bodies import IP, ME, TOKEN, action_json, error, floating_ip_json
from tests.support.http_server import RawServer, always, http
from tests.support.pool_bench import Bench
from tests.support.resources import assign, read

ACTION = http(201, {"action": action_json()})


def test_a_netrc_entry_for_the_host_does_not_replace_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login evil password evil\ndefault login e password e\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    with RawServer(always(ACTION)) as server, Bench(server.url) as made:
        made.call(assign(IP, ME))
        assert [f"Bearer {TOKEN}"] == [seen.headers["authorization"] for seen in server.seen]


def test_proxies_of_the_environment_see_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(always(ACTION)) as proxy, RawServer(always(ACTION)) as server:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with Bench(server.url) as made:
            assert isinstance(made.call(assign(IP, ME)).outcome, MutationAccepted)
        assert (proxy.accepted, len(server.posts)) == (0, 1)


def test_cookies_are_not_kept() -> None:
    body = {"floating_ip": floating_ip_json()}
    with (
        RawServer(always(http(200, body, {"Set-Cookie": "a=b; Path=/"}))) as server,
        Bench(server.url) as made,
    ):
        made.call(read(IP))
        made.call(read(IP))
        assert all("cookie" not in seen.headers for seen in server.seen)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (409, "conflict"),
        (429, "rate_limit_exceeded"),
        (502, "bad_gateway"),
        (504, "timeout"),
    ],
)
def test_what_hcloud_would_repeat_is_sent_once(status: int, code: str) -> None:
    with RawServer(always(error(status, code, "no"))) as server, Bench(server.url) as made:
        assert isinstance(made.call(read(IP)).outcome, Failure)
        assert isinstance(made.call(assign(IP, ME)).outcome, Failure)
        assert [seen.method for seen in server.seen] == ["GET", "POST"]


@pytest.mark.parametrize("status", [502, 504])
def test_what_hcloud_would_repeat_without_a_body_is_sent_once(status: int) -> None:
    with RawServer(always(http(status, b""))) as server, Bench(server.url) as made:
        assert isinstance(made.call(read(IP)).outcome, Failure)
        assert len(server.seen) == 1


def _made(options: HetznerOptions) -> hcloud.Client:
    return client.make_client(
        TOKEN,
        options,
        Transport(options.address, Connection(Route(options.address), FixedTrust(None))),
    )


def test_hcloud_has_its_switch_for_retries_where_we_look_for_it() -> None:
    made = _made(HetznerOptions(endpoint="http://127.0.0.1:1/v1"))
    base: Any = getattr(made, "_client", made)
    assert base._retry_max_retries == 0
    session = getattr(base, "_session", None) or base._requests_session
    assert not session.trust_env
    assert list(session.adapters) == ["http://"]


@pytest.mark.parametrize("missing", ["retries", "session"])
def test_an_hcloud_without_the_switch_is_refused_when_the_pool_is_made(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Base:
        pass

    class Changed:
        def __init__(self, **_kw: object) -> None:
            self._client = Base()
            if missing == "session":
                self._client._retry_max_retries = 5  # type: ignore[attr-defined]
            else:
                self._client._session = object()  # type: ignore[attr-defined]

    monkeypatch.setattr(client, "Client", Changed)
    with pytest.raises(HcloudChangedError, match="hcloud"):
        Bench("http://127.0.0.1:1/v1")


def test_a_second_post_by_anybody_below_us_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the switch were still there, but without effect."""
    request = hcloud.Client.request

    def twice(self: hcloud.Client, method: str, url: str, **kw: object) -> object:
        request(self, method, url, **kw)
        return request(self, method, url, **kw)

    monkeypatch.setattr(hcloud.Client, "request", twice)
    with RawServer(always(ACTION)) as server, Bench(server.url) as made:
        failure = made.failure(assign(IP, ME))
        assert len(server.posts) == 1
    assert (failure.kind, failure.code) == (FailureKind.OUTCOME_UNKNOWN, "internal_error")
    assert re.search("sent again", failure.message)


@pytest.mark.parametrize(
    "request_",
    [
        requests.Request("POST", "http://127.0.0.1:1/v1/x", json={"server": 42}),
        requests.Request("get", "http://127.0.0.1:1/v1/x", params={"page": 2, "id": [1, 2]}),
        requests.Request("GET", "http://127.0.0.1:1/v1/x", headers={"user-agent": "other"}),
    ],
    ids=lambda request: request.method,
)
def test_a_request_is_prepared_as_requests_would(request_: requests.Request) -> None:
    made: Any = _made(HetznerOptions(endpoint="http://127.0.0.1:1/v1"))
    base = getattr(made, "_client", made)
    session = getattr(base, "_session", None) or base._requests_session
    ours, theirs = (
        prepare(request_)
        for prepare in (
            session.prepare_request,
            functools.partial(requests.Session.prepare_request, session),
        )
    )
    assert (theirs.method, theirs.url, theirs.body) == (ours.method, ours.url, ours.body)
    assert theirs.headers == ours.headers
