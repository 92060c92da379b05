"""Answers that are unusual, usable all the same, and those that are not; bounded in every way."""

import gzip
import json
import zlib

import pytest

from hakeeper.adapters.hetzner.http1 import BODY_LIMIT_BYTES, HEAD_LIMIT_BYTES
from hakeeper.core.calls import Failure, FailureKind, MutationAccepted
from tests.support.hetzner_bodies import IP, ME, action_json, floating_ip_json
from tests.support.http_server import RawServer, always, http
from tests.support.pool_bench import Bench
from tests.support.resources import assign, read

BODY = json.dumps({"action": action_json(), "floating_ip": floating_ip_json()}).encode()
PLAIN = http(201, BODY)
CREATED = b"HTTP/1.1 201 Created\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
MANY = {f"X-Header-{number}": "x" * 50 for number in range(500)}


def chunked(*chunks: bytes, trailers: bytes = b"") -> bytes:
    head = CREATED + b"Transfer-Encoding: chunked\r\n\r\n"
    parts = [b"%x;name=value\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
    return head + b"".join(parts) + b"0\r\n" + trailers + b"\r\n"


def packed(data: bytes, how: str = "gzip") -> bytes:
    return http(201, data, {"Content-Encoding": how})


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(HINTS + PLAIN, id="103"),
        pytest.param(CONTINUE + HINTS + HINTS + PLAIN, id="several interim answers"),
        pytest.param(http(201, BODY, MANY), id="500 headers"),
        pytest.param(packed(gzip.compress(BODY)), id="gzip"),
        pytest.param(packed(gzip.compress(BODY), "X-GZIP"), id="x-gzip"),
        pytest.param(packed(gzip.compress(BODY[:9]) + gzip.compress(BODY[9:])), id="two members"),
        pytest.param(packed(zlib.compress(BODY), "deflate"), id="deflate"),
        pytest.param(packed(BODY, "identity"), id="identity"),
        pytest.param(chunked(BODY[:7], BODY[7:]), id="chunks"),
        pytest.param(chunked(BODY, trailers=b"X-Sum: 1\r\n"), id="trailers"),
        pytest.param(http(201, BODY, {"Content-Length": str(len(BODY))}), id="its length twice"),
        pytest.param(http(201, BODY, {"X-Long": "a\r\n  b"}), id="a header in two lines"),
        pytest.param(PLAIN.replace(b"\r\n", b"\n"), id="lines without CR"),
        pytest.param(b"HTTP/1.1 201\r\n" + PLAIN.partition(b"\r\n")[2], id="no reason"),
    ],
)
def test_what_is_unusual_is_an_answer_and_leaves_the_connection_usable(data: bytes) -> None:
    with RawServer(always(data)) as server, Bench(server.url) as made:
        assert isinstance(made.call(assign(IP, ME)).outcome, MutationAccepted)
        assert not isinstance(made.call(read(IP)).outcome, Failure)
        assert server.accepted == 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"), id="HTTP 1.0"),
        pytest.param(http(201, BODY, {"Connection": "Close"}), id="asked to close"),
        pytest.param(PLAIN + b"HTTP/1.1 200 OK", id="more than was asked for"),
    ],
)
def test_after_an_answer_that_may_leave_something_behind_the_connection_is_left(
    data: bytes,
) -> None:
    with RawServer(always(data)) as server, Bench(server.url) as made:
        for _ in range(2):
            assert isinstance(made.call(assign(IP, ME)).outcome, MutationAccepted)
        assert server.accepted == 2


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    def behave(peer, _seen):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        peer.sock.sendall(CREATED + b"\r\n" + BODY)

    with RawServer(behave) as server, Bench(server.url) as made:
        assert isinstance(made.call(assign(IP, ME)).outcome, MutationAccepted)


BOMB = gzip.compress(bytes(BODY_LIMIT_BYTES + 1))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(packed(BOMB), "huge_answer", id="a bomb"),
        pytest.param(packed(gzip.compress(b"x") * 100_000), "bad_answer", id="many members"),
        pytest.param(packed(gzip.compress(BODY)[:-9]), "bad_answer", id="gzip that ends early"),
        pytest.param(packed(BODY), "bad_answer", id="gzip that is none"),
        pytest.param(packed(BODY, "br"), "bad_answer", id="a coding that nobody asked for"),
        pytest.param(packed(BODY, "gzip, gzip"), "bad_answer", id="packed twice"),
        pytest.param(
            http(201, BODY, {"A": "b" * 2 * HEAD_LIMIT_BYTES}), "bad_answer", id="a huge header"
        ),
        pytest.param(CONTINUE * 20_000 + PLAIN, "bad_answer", id="interim answers without end"),
        pytest.param(chunked(*[b"x"] * 200_000), "bad_answer", id="chunks of one byte"),
        pytest.param(chunked(BODY)[:-9] + b"zz\r\n\r\n", "bad_answer", id="a chunk without a size"),
        pytest.param(
            CREATED + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx\r\n0\r\n\r\n",
            "bad_answer",
            id="a chunk that is longer than it says",
        ),
        pytest.param(
            CREATED
            + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n"
            + bytes(BODY_LIMIT_BYTES + 1),
            "huge_answer",
            id="a huge chunk",
        ),
        pytest.param(
            http(201, BODY, {"Transfer-Encoding": "gzip, chunked"}), "bad_answer", id="a coding"
        ),
        pytest.param(http(201, BODY, {"Content-Length": "3"}), "bad_answer", id="two lengths"),
        pytest.param(CREATED + b"Content-Length: -1\r\n\r\n", "bad_answer", id="a length of -1"),
        pytest.param(
            CREATED + b"Content-Length: 99999999999\r\n\r\n", "huge_answer", id="a huge length"
        ),
        pytest.param(http(201, BODY, {"Bad Header ": "x"}), "bad_answer", id="a header with space"),
        pytest.param(CREATED + b"nonsense\r\n\r\n", "bad_answer", id="a header without a colon"),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", "bad_answer", id="101"
        ),
        pytest.param(b"HTTP/2 201 Created\r\n\r\n", "bad_answer", id="another version"),
    ],
)
def test_what_cannot_be_understood_is_no_answer_and_nothing_is_sent_again(
    data: bytes, code: str
) -> None:
    with RawServer(always(data)) as server, Bench(server.url) as made:
        failure = made.failure(assign(IP, ME))
        assert len(server.posts) == 1
    assert (FailureKind.OUTCOME_UNKNOWN, code) == (failure.kind, failure.code)
