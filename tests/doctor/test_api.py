"""The questions to the API, over a real socket to the simulated cloud: answers and harmlessness."""

import contextlib
import datetime as dt
import http.server
import ssl
import threading
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import trustme

from hakeeper.adapters.identity import LocalIdentity
from hakeeper.adapters.redaction import Redactor
from hakeeper.config import Config, HetznerConfig, InstanceConfig
from hakeeper.core.calls import (
    AllRead,
    Failure,
    FailureKind,
    Identified,
)
from hakeeper.demo.cloud import Answer, Fault, SimCloud
from hakeeper.doctor.api_facts import ApiFacts
from hakeeper.doctor.finding import Finding
from hakeeper.doctor.gather.api import ApiAccess, api_facts
from tests.support.http_server import Behaviour, RawServer, drip, hang
from tests.support.resources import by_name
from tests.support.server_facts import Case

CONFIG = Config(instances={"VI_1": InstanceConfig(resources={"floating_ips": (by_name("web"),)})})
NOWHERE = LocalIdentity(dmi_dir=Path("/nonexistent"), metadata_url="http://127.0.0.1:9")


@dataclass
class Scene:
    """A cloud in which the address is on another server, and whoever asks."""

    cloud: SimCloud
    web: int
    me: int
    other: int
    token: str
    ca_file: Path | None = None
    server: str | int = "web-a"
    identity: LocalIdentity = NOWHERE
    cached: int | None = None
    url: str = ""
    timeout_s: float = 5.0
    redactor: Redactor = field(default_factory=Redactor)

    def ask(self) -> ApiFacts:
        api = HetznerConfig(
            endpoint=self.url or self.cloud.url, ca_file=self.ca_file, timeout_s=self.timeout_s
        )
        self.redactor.add(self.token)
        return api_facts(
            ApiAccess(
                config=replace(CONFIG, hetzner=api, server=self.server),
                read_token=lambda: self.token,
                redact=self.redactor.text,
                identity=self.identity.candidates,
                cached_server_id=self.cached,
            )
        )

    def findings(self) -> list[tuple[str, Finding]]:
        """Judge what is found out, beside everything else being well."""
        return replace(Case(), api=self.ask()).findings()

    def posts(self) -> list[tuple[str, int | None, str]]:
        posts = self.cloud.requests(method="POST")
        assert posts == [each for each in self.cloud.requests() if each.is_write]
        return [(each.path, each.status, each.code) for each in posts]


@pytest.fixture
def scene() -> Iterator[Scene]:
    with SimCloud() as cloud, unchanged(cloud):
        yield populated(cloud)


def populated(cloud: SimCloud) -> Scene:
    me = cloud.add_server("web-a", private_ips=["10.0.0.2"])
    other = cloud.add_server("web-b", private_ips=["10.0.0.3"])
    web = cloud.add_floating_ip("web", "203.0.113.10", server=other)
    return Scene(cloud, web, me, other, cloud.add_client("web-a"))


@contextlib.contextmanager
def unchanged(cloud: SimCloud) -> Iterator[None]:
    """See that whatever is asked in between has moved nothing, started nothing, and was refused."""
    yield
    assert [] == cloud.moves()
    assert [] == cloud.actions()
    for each in cloud.requests():
        assert not each.is_write or (each.status or 0) >= 400, each


PROBE = "/v1/floating_ips/0/actions/assign"


def test_a_good_token_is_asked_three_questions_and_changes_nothing(scene: Scene) -> None:
    facts = scene.ask()

    assert isinstance(facts.identified.outcome, Identified)
    assert scene.me == facts.identified.outcome.server.id
    assert isinstance(facts.listed["floating_ip"].outcome, AllRead)
    assert [(PROBE, 404, "not_found")] == scene.posts()
    assert facts.ahead_s is not None
    assert abs(facts.ahead_s) < 30
    assert [] == scene.findings()


def test_no_token_is_sent_to_learn_the_time(scene: Scene) -> None:
    scene.ask()
    strangers = scene.cloud.requests(client="")

    assert [("GET", "/v1", 401)] == [(each.method, each.path, each.status) for each in strangers]


def test_a_read_only_token_is_distinguished_from_a_writable_one(scene: Scene) -> None:
    scene.token = scene.cloud.add_client("reader", read_only=True)
    [(check, finding)] = scene.findings()

    assert ("token", "error") == (check, finding.severity.value)
    assert "may only read (token_readonly)" in finding.what
    assert [(PROBE, 401, "token_readonly")] == scene.posts()


def test_nothing_that_would_write_is_asked_with_a_token_that_is_refused(scene: Scene) -> None:
    scene.cloud.revoke("web-a")
    [(check, finding)] = scene.findings()

    assert ("token", True) == (check, "the API refuses the token" in finding.what)
    assert "(unauthorized)" in finding.what
    assert [] == scene.posts()


def test_nor_when_there_are_no_calls_left(scene: Scene) -> None:
    scene.cloud.set_rate_limit(3600, remaining=0)
    findings = scene.findings()

    assert ["quota"] == [name for name, _ in findings]
    assert "429 rate_limit_exceeded" in findings[0][1].what
    assert all(scene.token[:12] not in finding.what for _, finding in findings)
    assert [] == scene.posts()


def test_a_quota_nearly_spent_is_a_warning(scene: Scene) -> None:
    scene.cloud.set_rate_limit(3600, remaining=200)
    [(check, finding)] = scene.findings()

    assert ("quota", "warning") == (check, finding.severity.value)


@pytest.mark.parametrize(
    ("fault", "check", "words"),
    [
        (Fault(method="GET", status=503, code="unavailable"), "API", "(unavailable, corr"),
        (Fault(method="POST", status=403, code="forbidden"), "token", "(forbidden)"),
        (Fault(method="POST", status=504, code="timeout"), "API", "(timeout, corr"),
        (Fault(method="POST", answer=Answer.RESET), "API", "(connection_reset)"),
        (Fault(method="POST", status=403, code="maintenance"), "API", "(maintenance, corr"),
    ],
)
def test_an_answer_that_tells_nothing_of_the_token_is_no_proof(
    scene: Scene, fault: Fault, check: str, words: str
) -> None:
    with scene.cloud.faulty(fault):
        findings = scene.findings()

    assert any(name == check and words in each.what for name, each in findings), findings


@pytest.mark.parametrize("code", ["locked", "invalid_input", "json_error", "conflict"])
def test_any_refusal_for_its_own_sake_shows_that_the_token_may_write(
    scene: Scene, code: str
) -> None:
    status = {"locked": 423, "invalid_input": 422, "json_error": 400, "conflict": 409}[code]
    with scene.cloud.faulty(Fault(method="POST", status=status, code=code)):
        assert [] == scene.findings()


# --- who am I -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("server", "known"), [(999, False), ("web-z", False), ("web-a", True)])
def test_the_server_of_the_configuration(scene: Scene, server: str | int, *, known: bool) -> None:
    scene.server = server
    findings = scene.findings()

    assert ([] if known else ["server"]) == [name for name, _ in findings]
    assert known or str(server) in findings[0][1].what


@pytest.mark.parametrize("setting", ["web-b", "auto"])
def test_a_server_whose_addresses_are_not_here_is_another_one(scene: Scene, setting: str) -> None:
    """Named by a configuration that was copied, or by the state file of a cloned machine."""
    scene.server = setting
    scene.cached = scene.other
    [(check, finding)] = scene.findings()
    source = "configuration" if setting == "web-b" else "an earlier run"

    assert ("server", "error") == (check, finding.severity.value)
    assert f"web-b (id {scene.other}, from: {source}) is not this machine" in finding.what
    assert "10.0.0.3, and this machine has 10.0.0.2, 192.0.2.9" in finding.what
    assert "server: ID" in finding.cure


def test_a_server_without_addresses_is_another_one(scene: Scene) -> None:
    scene.server = scene.cloud.add_server("bare", ipv4=None, ipv6=None)
    [(check, finding)] = scene.findings()

    assert ("server", "error") == (check, finding.severity.value)
    assert "it has no address at all, and this machine has 10.0.0.2" in finding.what


def test_auto_asks_the_machine_and_then_an_earlier_run(scene: Scene) -> None:
    scene.server = "auto"
    [(check, finding)] = scene.findings()
    assert "server" == check
    assert "cannot tell which server this machine is" in finding.what

    scene.cached = scene.me
    assert [] == scene.findings()

    scene.cached = None
    scene.identity = replace(NOWHERE, metadata_url=scene.cloud.metadata_url(scene.me))
    facts = scene.ask()
    assert isinstance(facts.identified.outcome, Identified)
    assert "metadata service" == facts.identified.outcome.source


# --- the floating IP ----------------------------------------------------------------------------


def test_blocked_unknown_and_far_away_addresses(scene: Scene) -> None:
    scene.cloud.set_blocked(scene.web, blocked=True)
    assert ["is blocked by Hetzner"] == [each.what[-21:] for _, each in scene.findings()]
    scene.cloud.remove_floating_ip(scene.web)
    assert "has no floating IP web; it has: none" in scene.findings()[0][1].what
    scene.cloud.add_floating_ip("web", "203.0.113.10", location="ash")
    [(check, finding)] = scene.findings()
    assert ("floating IP", True) == (check, "zone us-east" in finding.what)


# --- the way there ------------------------------------------------------------------------------


def test_a_closed_port(scene: Scene) -> None:
    scene.url = "http://127.0.0.1:9/v1"
    [(check, finding)] = scene.findings()

    assert ("API", True) == (check, "(connection_refused)" in finding.what)


@dataclass
class Certificates:
    authority: trustme.CA
    ca_file: Path

    def context(self, not_after: dt.datetime | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued = self.authority.issue_cert("127.0.0.1", not_after=not_after)
        issued.configure_cert(context)
        return context


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return Certificates(authority, tmp_path / "ca.pem")


def test_over_tls_all_is_well(certificates: Certificates) -> None:
    with SimCloud(tls=certificates.context()) as cloud, unchanged(cloud):
        scene = populated(cloud)
        scene.ca_file = certificates.ca_file
        assert [] == scene.findings()
        assert abs(scene.ask().ahead_s or 1000) < 30


def test_a_certificate_that_ran_out_is_not_the_clock_s_fault(certificates: Certificates) -> None:
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    with SimCloud(tls=certificates.context(not_after=yesterday)) as cloud, unchanged(cloud):
        scene = populated(cloud)
        scene.ca_file = certificates.ca_file
        [(check, finding)] = scene.findings()
        asked = [each.client for each in cloud.requests()]

    assert "API" == check
    assert "certificate has expired" in finding.what
    assert finding.what.endswith("(the clock is right)")
    assert [""] == asked  # for the time alone, and without the token


def test_an_unknown_authority(certificates: Certificates, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with SimCloud(tls=certificates.context()) as cloud, unchanged(cloud):
        scene = populated(cloud)
        scene.ca_file = tmp_path / "other.pem"
        [(check, finding)] = scene.findings()

    assert ("API", True) == (check, "certificate refused" in finding.what)


class Timeless(http.server.BaseHTTPRequestHandler):
    """Answers everything with 503 and a date that is none."""

    date = ""

    def do_GET(self) -> None:  # http.server's name
        self.send_response_only(503)
        self.send_header("Date", self.date)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    "date",
    [
        "",
        "tomorrow",
        "Mon, 01 Jan 99999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +99999999999999",
        "Mon, 99 Jan 2026 99:99:99 GMT",
        "9" * 5000,
    ],
)
def test_an_invalid_date_says_nothing_about_the_clock(scene: Scene, date: str) -> None:
    handler = type("Handler", (Timeless,), {"date": date})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        scene.url = f"http://127.0.0.1:{server.server_port}/v1"
        facts = scene.ask()
        server.shutdown()
        thread.join()

    assert facts.ahead_s is None
    assert isinstance(facts.listed["floating_ip"].outcome, Failure)
    assert FailureKind.TRANSIENT is facts.listed["floating_ip"].outcome.kind


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(hang, id="silent"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000), id="by drips"),
        pytest.param(drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), id="told to wait for ever"),
    ],
)
def test_a_slow_answer_does_not_delay_the_check(scene: Scene, behave: Behaviour) -> None:
    """Each wait is short, and all of them together would take minutes."""
    with RawServer(behave) as server:
        scene.url = server.url
        scene.timeout_s = 1.0
        facts = scene.ask()
        assert facts.ahead_s is None
        assert 3 == len(server.seen)


def test_a_clock_that_is_wrong_is_reported_with_its_direction(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = types.SimpleNamespace(time=lambda: time.time() - 600, monotonic=time.monotonic)
    monkeypatch.setattr("hakeeper.doctor.gather.api.time", behind)
    [(check, finding)] = scene.findings()

    assert ("clock", "warning") == (check, finding.severity.value)
    assert "10 minutes behind the Date" in finding.what
