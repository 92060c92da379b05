import http.client
import itertools
from urllib.parse import urlsplit

import pytest
import requests

from tests.simcloud.conftest import NO_PROXIES, Caller, Scene
from tests.simcloud.schema import AnswerChecker


def test_a_floating_ip_tells_its_holder_and_its_home(scene: Scene) -> None:
    item = scene.a.get(f"/floating_ips/{scene.web}")["floating_ip"]
    assert (scene.server_a, "203.0.113.10", "ipv4") == (item["server"], item["ip"], item["type"])
    assert "eu-central" == item["home_location"]["network_zone"]


def test_an_ipv6_floating_ip_is_a_network(scene: Scene) -> None:
    web6 = scene.cloud.add_floating_ip("web6", "2001:db8:1:2::/64", location="ash")
    item = scene.a.get(f"/floating_ips/{web6}")["floating_ip"]
    expected = ("2001:db8:1:2::/64", "ipv6", None, "us-east")
    zone = item["home_location"]["network_zone"]
    assert expected == (item["ip"], item["type"], item["server"], zone)


def test_a_server_lists_its_floating_ips(scene: Scene) -> None:
    assert [scene.web] == scene.a.get("/servers/42")["server"]["public_net"]["floating_ips"]
    assert [] == scene.a.get("/servers/43")["server"]["public_net"]["floating_ips"]


def test_the_status_of_a_server_is_what_it_was_set_to(scene: Scene) -> None:
    scene.cloud.set_server_status(43, "off")
    assert "off" == scene.a.get("/servers/43")["server"]["status"]
    found = scene.a.get("/servers?status=off&status=stopping")["servers"]
    assert [43] == [server["id"] for server in found]


def test_lists_come_in_pages_of_25_unless_asked_and_of_50_at_most(scene: Scene) -> None:
    for index in range(60):
        scene.cloud.add_floating_ip(f"more-{index}", f"203.0.113.{index + 20}")
    first = scene.a.get("/floating_ips")
    assert 25 == len(first["floating_ips"])
    assert {
        "page": 1,
        "per_page": 25,
        "previous_page": None,
        "next_page": 2,
        "last_page": 3,
        "total_entries": 61,
    } == first["meta"]["pagination"]
    last = scene.a.get("/floating_ips?per_page=50&page=2")
    assert 11 == len(last["floating_ips"])
    assert (1, None) == tuple(
        last["meta"]["pagination"][key] for key in ("previous_page", "next_page")
    )
    assert 50 == len(scene.a.get("/floating_ips?per_page=1000")["floating_ips"])
    assert [] == scene.a.get("/floating_ips?page=9")["floating_ips"]


def test_a_list_can_be_filtered_by_exact_name(scene: Scene) -> None:
    scene.cloud.add_floating_ip("web-2", "203.0.113.11")
    found = scene.a.get("/floating_ips?name=web")["floating_ips"]
    assert ["web"] == [item["name"] for item in found]
    assert [43] == [item["id"] for item in scene.a.get("/servers?name=node-b")["servers"]]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("env=prod", "ab"),
        ("env==prod", "ab"),
        ("env!=prod", "cd"),
        ("env", "abc"),
        ("!env", "d"),
        ("tier in (one,two)", "ab"),
        ("tier notin (one, two)", "cd"),
        ("env=prod,tier in (one,three)", "a"),
        ("", "abcd"),
    ],
)
def test_a_list_can_be_filtered_by_labels(scene: Scene, selector: str, expected: str) -> None:
    scene.cloud.remove_floating_ip(scene.web)
    labels: list[dict[str, str]] = [
        {"env": "prod", "tier": "one"},
        {"env": "prod", "tier": "two"},
        {"env": "test"},
        {},
    ]
    for name, given, last in zip("abcd", labels, itertools.count(1), strict=False):
        scene.cloud.add_floating_ip(name, f"203.0.113.{last}", labels=given)
    response = scene.a.send("GET", "/floating_ips", params={"label_selector": selector})
    assert list(expected) == [item["name"] for item in response.json()["floating_ips"]]


def test_a_list_can_be_sorted(scene: Scene) -> None:
    other = scene.cloud.add_floating_ip("other", "203.0.113.11")
    found = scene.a.get("/floating_ips?sort=id:desc")["floating_ips"]
    assert [other, scene.web] == [item["id"] for item in found]
    assert [42, 43] == [item["id"] for item in scene.a.get("/servers?sort=name")["servers"]]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/floating_ips?label_selector=a%20b", "label_selector"),
        ("/floating_ips?sort=ip", "sort"),
        ("/floating_ips?page=0", "page"),
        ("/floating_ips?per_page=x", "per_page"),
        ("/floating_ips/actions?status=done", "status"),
        ("/actions", "id"),
    ],
)
def test_a_bad_parameter_is_named(scene: Scene, path: str, field: str) -> None:
    response = scene.a.send("GET", path)
    error = response.json()["error"]
    assert (422, "invalid_input") == (response.status_code, error["code"])
    assert [field] == [each["name"] for each in error["details"]["fields"]]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/floating_ips/99", 404, "not_found"),
        ("GET", "/servers/99", 404, "not_found"),
        ("GET", "/actions/99", 404, "not_found"),
        ("GET", "/floating_ips/99/actions", 404, "not_found"),
        ("GET", "/volumes", 404, "not_found"),
        ("DELETE", "/servers/42", 405, "method_not_allowed"),
        ("POST", "/floating_ips/99/actions/unassign", 404, "not_found"),
    ],
)
def test_what_is_not_there_is_refused(
    scene: Scene, method: str, path: str, status: int, code: str
) -> None:
    response = scene.a.send(method, path)
    assert (status, code) == (response.status_code, response.json()["error"]["code"])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "json_error"),
        ("[]", 400, "json_error"),
        ("", 400, "json_error"),
        ("{}", 422, "invalid_input"),
        ('{"server": "42"}', 422, "invalid_input"),
        ('{"server": true}', 422, "invalid_input"),
        ('{"server": 99}', 404, "not_found"),
    ],
)
def test_a_bad_body_is_refused(scene: Scene, body: str, status: int, code: str) -> None:
    path = f"/floating_ips/{scene.web}/actions/assign"
    response = scene.a.send("POST", path, data=body)
    assert (status, code) == (response.status_code, response.json()["error"]["code"])
    assert [] == scene.cloud.moves()


def test_a_token_nobody_was_given_is_unauthorized(scene: Scene) -> None:
    with Caller(scene.cloud.url, "wrong").session as session:
        response = Caller(scene.cloud.url, "wrong", session).send("GET", "/servers")
    assert (401, "unauthorized") == (response.status_code, response.json()["error"]["code"])
    assert [""] == [entry.client for entry in scene.cloud.requests()]


def test_a_read_only_token_may_only_read(scene: Scene) -> None:
    scene.b.token = scene.cloud.add_client("watcher", read_only=True)
    assert 200 == scene.b.send("GET", "/servers").status_code
    response = scene.b.assign(scene.web, scene.server_b)
    assert (401, "token_readonly") == (response.status_code, response.json()["error"]["code"])
    assert [] == scene.cloud.moves()


def test_a_rotated_token_works_and_the_old_one_is_refused_but_still_known(scene: Scene) -> None:
    new = scene.cloud.rotate("node-a")
    assert 401 == scene.a.send("GET", "/servers").status_code
    scene.a.token = new
    assert 200 == scene.a.send("GET", "/servers").status_code
    assert ["node-a", "node-a"] == [entry.client for entry in scene.cloud.requests()]


def test_one_connection_serves_many_requests(scene: Scene) -> None:
    for _ in range(3):
        scene.a.get("/servers")
    assert 1 == scene.cloud.counters().connections
    assert {1} == {entry.connection for entry in scene.cloud.requests()}


def test_every_answer_says_its_correlation_id(scene: Scene) -> None:
    answers = [scene.a.send("GET", path) for path in ("/servers", "/servers/99", "/nothing")]
    logged = [entry.correlation_id for entry in scene.cloud.requests()]
    assert logged == [answer.headers["X-Correlation-Id"] for answer in answers]
    assert 3 == len(set(logged))


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"GET /v1/servers HTTP/2\r\n\r\n",
        b"GET /v1/servers HTTP/1.1\r\nbad\r\n\r\n",
        b"POST /v1/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /v1/x HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"GET /" + b"x" * 70_000,
    ],
)
def test_what_is_not_http_ends_the_connection(scene: Scene, head: bytes) -> None:
    parts = urlsplit(scene.cloud.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    connection.connect()
    try:
        connection.sock.sendall(head)
        received = connection.sock.recv(1)
    except ConnectionResetError:  # more was sent than was read
        received = b""
    finally:
        connection.close()
    assert b"" == received
    assert [] == scene.cloud.requests()


def test_a_server_has_the_addresses_that_it_was_given(scene: Scene, checker: AnswerChecker) -> None:
    bare = scene.cloud.add_server("bare", ipv4=None, ipv6=None)
    full = scene.cloud.add_server(
        "full", ipv4="192.0.2.7", ipv6="2001:db8:7::/64", private_ips=["10.0.0.7", "10.1.0.7"]
    )
    seen = {}
    for number in (bare, full):
        body = scene.a.get(f"/servers/{number}")
        assert [] == checker.problems("GET", f"/v1/servers/{number}", 200, body)
        public, private = body["server"]["public_net"], body["server"]["private_net"]
        primaries = [public[each] and public[each]["ip"] for each in ("ipv4", "ipv6")]
        seen[number] = (*primaries, *(each["ip"] for each in private))

    assert {bare: (None, None), full: ("192.0.2.7", "2001:db8:7::/64", "10.0.0.7", "10.1.0.7")} == (
        seen
    )
    url = scene.cloud.metadata_url(bare)
    assert 404 == requests.get(url + "/public-ipv4", timeout=20, proxies=NO_PROXIES).status_code


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"labels": []}', "labels"),
        ('{"labels": null}', "labels"),
        ('{"labels": {"role": 7}}', "labels"),
        ('{"name": 7}', "name"),
        ('{"description": null}', "description"),
    ],
)
def test_a_floating_ip_is_not_changed_to_anything(scene: Scene, body: str, field: str) -> None:
    response = scene.a.send("PUT", f"/floating_ips/{scene.web}", data=body)
    error = response.json()["error"]
    assert (422, "invalid_input") == (response.status_code, error["code"])
    assert [field] == [each["name"] for each in error["details"]["fields"]]
    assert {"vip": "web"} == scene.a.get(f"/floating_ips/{scene.web}")["floating_ip"]["labels"]
