"""An API, or somebody in its place, that wants the token, our memory or our time."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from hakeeper.core.calls import Failure, FailureKind, ReadServer, Request
from tests.support.hetzner_bodies import IP, ME, TOKEN
from tests.support.http_server import RawServer, always, http
from tests.support.pool_bench import Bench
from tests.support.resources import CLOUD, assign, read

PAST = datetime.now(UTC) - timedelta(days=1)
LONG = 2_000_000
"""Of what one answer may hold a few megabytes: so often something fits in."""


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("request_", [assign(IP, ME), read(IP)], ids=["POST", "GET"])
def test_nobody_is_sent_elsewhere_with_the_token(status: int, request_: Request) -> None:
    with RawServer(always(http(200, b"{}"))) as elsewhere:
        away = always(http(status, b"", {"Location": f"{elsewhere.url}/x"}))
        with RawServer(away) as server, Bench(server.url) as made:
            assert isinstance(made.call(request_).outcome, Failure)
            assert len(server.seen) == 1
        assert elsewhere.accepted == 0


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * LONG, id="lists in lists"),
        pytest.param(b'{"a":' * LONG, id="objects in objects"),
        pytest.param(b"1" * LONG, id="a number"),
        pytest.param(b'{"action": ' + b"9" * LONG + b"}", id="a number in place of an action"),
        pytest.param(b'{"action": {"id": 1e' + b"9" * 400 + b"}}", id="an exponent"),
        pytest.param(b'{"action": {"id": NaN}}', id="no number"),
        pytest.param(b"[" + b"{}," * (LONG // 3) + b"{}]", id="many objects"),
        pytest.param(b"{" + b'"a":1,' * (LONG // 6) + b'"a":1}', id="one name very often"),
        pytest.param(b'"' + b"\\u0000" * (LONG // 6) + b'"', id="NUL"),
        pytest.param(b'"\\ud800"', id="half a character"),
        pytest.param(b"\xff\xfe" * 1000, id="no UTF-8"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_body_that_means_nothing_is_a_failure_and_the_next_call_is_made(body: bytes) -> None:
    with RawServer(always(http(201, body))) as server, Bench(server.url) as made:
        for _ in range(2):
            assert made.failure(assign(IP, ME)).kind is FailureKind.OUTCOME_UNKNOWN
        assert len(server.posts) == 2


def context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(made)
    return made


def old_version(certificate: trustme.LeafCert) -> ssl.SSLContext:
    made = context(certificate)
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_1
    made.set_ciphers("DEFAULT:@SECLEVEL=0")
    return made


@pytest.mark.parametrize(
    "trouble",
    ["another authority", "another name", "wildcard", "in the common name", "expired", "TLS 1.1"],
)
def test_the_token_goes_to_nobody_who_cannot_show_who_he_is(tmp_path: Path, trouble: str) -> None:
    authority, other = trustme.CA(), trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    tls = {
        "another authority": lambda: context(other.issue_cert("127.0.0.1")),
        "another name": lambda: context(authority.issue_cert("127.0.0.2", "api.hetzner.cloud")),
        "wildcard": lambda: context(authority.issue_cert("*.0.0.1")),
        "in the common name": lambda: context(
            authority.issue_cert("x.test", common_name="127.0.0.1")
        ),
        "expired": lambda: context(authority.issue_cert("127.0.0.1", not_after=PAST)),
        "TLS 1.1": lambda: old_version(authority.issue_cert("127.0.0.1")),
    }[trouble]()
    answer = always(http(200, b"{}"))
    with RawServer(answer, tls=tls) as server, Bench(server.url, ca_file=ca_file) as made:
        for request in (ReadServer(CLOUD, ME), assign(IP, ME)):
            assert made.failure(request).code == "tls"
        assert server.accepted >= 1
        assert server.seen == []


def test_the_token_goes_to_nobody_who_speaks_no_tls(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    heard: list[bytes] = []

    def answer_plainly(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            heard.append(peer.recv(65536))
            peer.sendall(http(200, b"{}"))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer_plainly, args=(listener,))
        server.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/v1"
        with Bench(url, ca_file=ca_file) as made:
            assert made.failure(ReadServer(CLOUD, ME)).code == "tls"
        server.join()
    assert TOKEN.encode() not in heard[0]


def test_no_key_of_a_connection_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    tls = context(authority.issue_cert("127.0.0.1"))
    answer = always(http(200, b"{}"))
    with RawServer(answer, tls=tls) as server, Bench(server.url, ca_file=ca_file) as made:
        made.call(ReadServer(CLOUD, ME))
        assert len(server.seen) == 1
    assert not keys.exists()
