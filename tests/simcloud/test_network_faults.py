import contextlib
import datetime as dt
import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests

from hakeeper.demo.cloud import Answer, Fault, Network, SimCloud
from tests.simcloud.conftest import Caller, Certificates, Scene


def address(scene: Scene) -> tuple[str, int]:
    parts = urlsplit(scene.cloud.url)
    return str(parts.hostname), int(parts.port or 0)


def assign_for_b(scene: Scene, failed: list[Exception]) -> None:
    try:
        scene.b.assign(scene.web, scene.server_b)
    except OSError as error:
        failed.append(error)


def test_a_refusing_port_resets_old_connections_and_comes_back_as_itself(scene: Scene) -> None:
    scene.a.get("/servers")
    fault = scene.cloud.fault(Fault(network=Network.REFUSE))
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            scene.a.send("GET", "/servers")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address(scene), timeout=20)
    with socket.socket() as thief, pytest.raises(OSError, match="in use"):
        thief.bind(address(scene))
    scene.cloud.clear(fault)
    scene.a.get("/servers")
    assert 2 == len(scene.cloud.requests())


def test_a_frozen_connection_is_silent_while_new_ones_work(scene: Scene) -> None:
    scene.a.get("/servers")
    fault = scene.cloud.fault(Fault(network=Network.FREEZE))
    with pytest.raises(requests.Timeout):
        scene.a.send("GET", "/servers", timeout_s=0.3)
    scene.a.get("/servers")
    scene.cloud.clear(fault)
    assert 2 == len(scene.cloud.requests())


def test_another_fault_freezes_no_further_connections(scene: Scene) -> None:
    scene.cloud.fault(Fault(network=Network.FREEZE))
    scene.a.get("/servers")
    scene.cloud.clear(scene.cloud.fault(Fault(status=500)))
    scene.a.get("/servers")
    assert 1 == scene.cloud.counters().connections


def test_what_was_sent_to_a_frozen_connection_is_never_handled(scene: Scene) -> None:
    scene.b.get("/servers")
    fault = scene.cloud.fault(Fault(network=Network.FREEZE))
    failed: list[Exception] = []
    thread = threading.Thread(target=assign_for_b, args=(scene, failed))
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    scene.cloud.clear(fault)
    thread.join()
    assert "ConnectionResetError" in str(failed)
    assert [] == scene.cloud.assigns()


def test_an_answer_is_not_written_to_a_connection_frozen_meanwhile(scene: Scene) -> None:
    scene.cloud.fault(Fault(method="POST", delay_s=0.3))
    failed: list[Exception] = []
    thread = threading.Thread(target=assign_for_b, args=(scene, failed))
    thread.start()
    scene.cloud.wait_for(scene.cloud.assigns)
    scene.cloud.fault(Fault(network=Network.FREEZE))
    scene.cloud.wait_for(lambda: scene.cloud.holder(scene.web) == scene.server_b)
    scene.cloud.clear_all()
    thread.join()
    assert "ConnectionResetError" in str(failed)
    assert scene.cloud.assigns()[0].answered_s is None


def test_only_the_named_client_is_frozen(scene: Scene) -> None:
    scene.a.get("/servers")
    scene.b.get("/servers")
    scene.cloud.fault(Fault(network=Network.FREEZE, client="node-a"))
    scene.b.get("/servers")
    assert 2 == scene.cloud.counters().connections
    with pytest.raises(requests.Timeout):
        scene.a.send("GET", "/servers", timeout_s=0.2)


def test_idle_connections_are_closed_in_order(scene: Scene) -> None:
    scene.a.get("/servers")
    scene.cloud.fault(Fault(network=Network.IDLE_CLOSE, idle_s=0.05))
    scene.cloud.wait_for(lambda: scene.cloud.counters().open_connections == 0)
    scene.a.get("/servers")
    assert 2 == scene.cloud.counters().connections


def test_connections_can_be_dropped_by_hand(scene: Scene) -> None:
    scene.a.get("/servers")
    scene.cloud.drop_connections()
    scene.cloud.wait_for(lambda: scene.cloud.counters().open_connections == 0)
    scene.a.get("/servers")


def test_a_handshake_can_hang(tls_scene: Scene) -> None:
    tls_scene.a.get("/servers")
    fault = tls_scene.cloud.fault(Fault(network=Network.HANDSHAKE_HANG))
    with pytest.raises(requests.Timeout):
        tls_scene.b.send("GET", "/servers", timeout_s=0.3)
    tls_scene.a.get("/servers")
    tls_scene.cloud.clear(fault)
    tls_scene.b.get("/servers")


def test_an_expired_certificate_can_be_served(tls_scene: Scene, certificates: Certificates) -> None:
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    tls_scene.cloud.use_certificate(*certificates.issue("old", "127.0.0.1", until=yesterday))
    with pytest.raises(requests.exceptions.SSLError, match="expired"):
        tls_scene.a.send("GET", "/servers")
    assert [] == tls_scene.cloud.requests()
    tls_scene.cloud.use_certificate(*certificates.issue("new", "127.0.0.1"))
    tls_scene.a.get("/servers")


def test_a_certificate_of_another_host_can_be_served(
    tls_scene: Scene, certificates: Certificates
) -> None:
    tls_scene.cloud.use_certificate(*certificates.issue("other", "api.example.com"))
    with pytest.raises(requests.exceptions.SSLError, match=r"doesn't match|mismatch"):
        tls_scene.a.send("GET", "/servers")


def test_a_client_that_speaks_no_tls_is_sent_away(tls_scene: Scene) -> None:
    with socket.create_connection(address(tls_scene), timeout=20) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            while sock.recv(100):
                pass
    assert [] == tls_scene.cloud.requests()


def test_a_certificate_needs_a_cloud_that_speaks_tls(
    scene: Scene, certificates: Certificates
) -> None:
    with pytest.raises(ValueError, match="does not speak TLS"):
        scene.cloud.use_certificate(*certificates.issue("good", "127.0.0.1"))


def test_a_frozen_and_dripping_cloud_stops_without_waiting_for_anybody(
    certificates: Certificates,
) -> None:
    context = certificates.context(*certificates.issue("good", "127.0.0.1"))
    before = threading.active_count()
    with SimCloud(tls=context) as cloud:
        parts = urlsplit(cloud.url)
        silent = socket.create_connection((str(parts.hostname), parts.port), timeout=20)
        with silent, requests.Session() as session:
            session.verify = certificates.ca_file
            session.trust_env = False
            caller = Caller(cloud.url, cloud.add_client("x"), session)
            caller.get("/servers")
            cloud.fault(Fault(network=Network.FREEZE))
            cloud.wait_for(lambda: cloud.counters().open_connections == 2)
            cloud.close()
    assert before == threading.active_count()


def test_a_slow_reader_of_a_huge_body_does_not_keep_the_cloud_from_stopping() -> None:
    with SimCloud() as cloud:
        token = cloud.add_client("x")
        cloud.fault(Fault(answer=Answer.HUGE))
        parts = urlsplit(cloud.url)
        with socket.create_connection((str(parts.hostname), parts.port), timeout=20) as sock:
            head = f"GET /v1/servers HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n"
            sock.sendall(head.encode())
            cloud.wait_for(lambda: [entry for entry in cloud.requests() if entry.status])
            cloud.close()
    assert [None] == [entry.answered_s for entry in cloud.requests()]


def test_tls_is_what_is_spoken(tls_scene: Scene) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    started_s = time.monotonic()
    with (
        socket.create_connection(address(tls_scene), timeout=20) as plain,
        context.wrap_socket(plain) as sock,
    ):
        assert "TLSv1.3" == sock.version()
        head = f"GET /v1/servers HTTP/1.1\r\nAuthorization: Bearer {tls_scene.a.token}\r\n\r\n"
        sock.sendall(head.encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
    assert started_s <= tls_scene.cloud.requests()[0].received_s <= time.monotonic()


def test_a_taken_port_is_said_at_once_and_leaves_nothing_behind(scene: Scene) -> None:
    before = threading.active_count()
    with pytest.raises(OSError, match="in use"):
        SimCloud(port=address(scene)[1])
    with pytest.raises(OSError, match="in use"):
        SimCloud(control_port=address(scene)[1])
    assert before == threading.active_count()
