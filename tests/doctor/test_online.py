"""`hakeeper check --online` on two servers with real keepalived, real hakeeper and a cloud."""

import contextlib
import json
import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from hakeeper.core.model import Role
from hakeeper.demo.cloud import SimCloud
from hakeeper.demo.lab import Lab, LabError
from tests.doctor.station import HAKEEPER, VIP, Station, Told, its_file, restarted_with


@pytest.fixture(autouse=True)
def _nothing_was_changed(lab: Lab) -> Iterator[None]:
    """See after every test that no check has moved an address or was allowed to try."""
    assert lab.cloud is not None
    before = lab.cloud.moves()
    yield
    assert before == lab.cloud.moves()
    checks = [each for each in lab.cloud.requests() if each.client.startswith("check-")]
    assert checks
    writes = [each for each in checks if each.is_write]
    assert {(0, 0)} >= {(each.floating_ip, each.server) for each in writes}
    assert all(each.status in {401, 404} for each in writes)


def test_a_good_server_passes_with_short_lines_and_exit_code_0(lab: Lab) -> None:
    for node, role in ((lab.node("a"), "MASTER"), (lab.node("b"), "BACKUP")):
        told = Station(lab, node).check()
        *lines, empty, verdict = told.out.splitlines()

        assert told.code == 0
        assert ("", "A failover to this server would work (0 errors, 0 warnings).") == (
            empty,
            verdict,
        )
        passed = [line for line in lines if line.startswith("ok       ")]
        assert all(line.startswith("         ") for line in lines if line not in passed)
        assert all(len(line) <= 80 for line in lines)
        assert len(passed) == 23
        assert f"ok       role: VI_1 is {role}" in passed
        assert "ok       hakeeper: runs, without problems" in passed


def test_the_json_contains_that_of_the_plain_check_and_more(station: Station) -> None:
    told = station.check("--json")

    assert (0, True, []) == (told.code, told.json["ok"], told.json["online"]["findings"])
    assert told.json["config"]["addresses"][0]["floating_ips"] == ["web"]
    assert {"check": "role", "text": "VI_1 is BACKUP"} in told.json["online"]["passed"]


def test_a_finding_has_its_place_its_reason_and_the_way_out(station: Station) -> None:
    station.cloud.set_blocked(station.lab.floating_ips["web"], blocked=True)
    told = station.check()
    station.cloud.set_blocked(station.lab.floating_ips["web"], blocked=False)
    station.settle()
    path = station.node.folder / "check.yaml"
    block = told.out.split("\n\n")[1]

    assert told.code == 69
    assert " ".join(block.split()) == (
        f"ERROR floating IP: {path}:{station.line('- web')}: VI_1: web ({VIP}) is blocked by"
        " Hetzner"
        " why: no traffic reaches it, whichever server holds it"
        " do: see Hetzner's mail about it (abuse), or use another floating IP"
    )
    assert told.out.endswith("would NOT work (1 error, 0 warnings).\n")


def test_a_token_that_may_only_read(station: Station) -> None:
    good = station.token_path.read_text()
    token = station.cloud.add_client("check-reader", read_only=True)
    station.tokens.append(token)
    station.use_token(token)
    told = station.trouble()
    station.use_token("x" * 64)
    invalid = station.trouble()
    station.use_token(good)

    assert ["token"] == [name for name, _ in told.findings()]
    assert "(token_readonly)" in told.findings()[0][1]
    assert "(unauthorized)" in invalid.findings()[0][1]


def test_without_a_resolver(station: Station) -> None:
    told = station.trouble(hetzner__endpoint="https://api.hetzner.cloud/v1")

    assert ["API"] == [name for name, _ in told.findings()]
    assert "cannot resolve api.hetzner.cloud port 443" in told.findings()[0][1]
    assert told.findings()[0][1].endswith("(dns)")


def test_a_fifo_that_is_gone_and_one_that_is_none(station: Station) -> None:
    path = station.node.paths.fifo
    aside = path.with_name("aside")
    path.rename(aside)
    missing = station.trouble()
    path.touch()
    none = station.trouble()
    path.unlink()
    other = station.trouble(keepalived__fifo=str(aside))
    place = f"{station.node.folder}/check.yaml:{station.line('fifo')}"
    aside.rename(path)

    assert ("FIFO", "there is no FIFO") in missing.findings()
    assert ("FIFO", "it is a regular file, not a FIFO") in none.findings()
    assert [f"keepalived writes to {path}, but hakeeper reads {aside} ({place})"] == [
        what for name, what in other.findings() if name == "FIFO line"
    ]


def test_another_instance_and_another_address(station: Station) -> None:
    other = station.trouble(instances__VI_2={"floating_ips": [VIP]})

    assert ("instance", "keepalived.conf has no vrrp_instance VI_2; it has: VI_1") in (
        other.findings()
    )
    assert any(f"{VIP} and web are the same floating IP" in what for _, what in other.findings())
    what = "the daemon runs with another configuration: VI_1: web; the file has VI_1: web; "
    assert ("hakeeper", f"{what}VI_2: {VIP}") in other.findings()


def test_a_private_address_that_is_gone(station: Station) -> None:
    station.node.remove_address()
    told = station.trouble()
    station.node.restore_address()
    ip = station.node.station.ip

    assert [
        f"VI_1: vrrp_address {ip} is not on this machine",
        f"VI_1: unicast_src_ip {ip} is not on this machine",
    ] == [what for name, what in told.findings() if name == "private address"]


def test_a_link_that_is_down_is_a_fault(station: Station) -> None:
    station.node.link_down()
    station.lab.witness.wait_for_role("b", "VI_1", {Role.FAULT}, timeout_s=15)
    told = station.trouble()
    station.node.link_up()
    station.lab.witness.wait_for_role("b", "VI_1", {Role.BACKUP}, timeout_s=15)

    assert ("role", "VI_1 is in FAULT") in told.findings()


def test_a_file_that_keepalived_has_not_read_yet(station: Station) -> None:
    keepalived = station.node.keepalived
    keepalived.write_conf(keepalived.own_conf.replace('"VI_1"', '"VI_9"'))
    told = station.trouble()
    both = station.trouble(instances={"VI_9": {"floating_ips": ["web"]}})
    keepalived.write_conf()

    assert (
        "keepalived.conf has no vrrp_instance VI_1; it has: VI_9" in dict(told.findings()).values()
    )
    assert (
        "the running keepalived has no instance VI_9; it has: VI_1"
        in (dict(both.findings())["role"])
    )


def test_without_keepalived_and_without_hakeeper(station: Station) -> None:
    with restarted_with(station):
        told = station.check("--json", *its_file(station))
        dead = station.trouble(*its_file(station), "--socket", "/nonexistent/control.sock")

    assert ["keepalived"] == [name for name, _ in told.findings()]
    assert "keepalived does not run, according to" in told.findings()[0][1]
    assert [] == told.findings("warning")  # the daemon misses it, too: one cause, one finding
    assert {"check": "hakeeper", "text": "runs"} in told.json["online"]["passed"]
    verdicts = ("ready", "ready_now", "ready_after_restart")
    # With a file that is not in force, the question is whether it would do.
    assert (True, False, True) == tuple(told.json["online"][one] for one in verdicts)
    assert (0, True) == (told.code, told.json["ok"])
    assert ["keepalived", "hakeeper"] == [name for name, _ in dead.findings()]


@pytest.mark.parametrize("order", ["before", "after"])
def test_keepalived_drops_a_fifo_line_without_a_user_and_only_the_check_says_so(
    station: Station, order: str
) -> None:
    """Unless `script_user` comes before it."""
    fifo = station.node.paths.fifo
    changes = [(f"{fifo} root", f"{fifo}")]
    if order == "after":
        changes = [
            ("    script_user root\n", ""),
            ("    reload_check_config\n", ""),  # with it, keepalived does not even start
            (f"{fifo} root", f"{fifo}\n    script_user root"),
        ]
    with restarted_with(station, *changes):
        station.node.keepalived.start()
        station.lab.wait_until(
            station.node.keepalived.states, timeout_s=15, what="keepalived to answer"
        )
        is_used = station.node.keepalived.has_open(fifo)
        told = station.check("--json")
    said = [
        each["severity"]
        for each in told.json["online"]["findings"]
        if each["what"].startswith("the FIFO line names no user")
    ]

    assert (order == "before") is is_used
    assert ["warning" if is_used else "error"] == said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("state BACKUP", "stata BACKUP", "Unknown keyword 'stata'"),
        ("vrrp_instance", 'vrrp_script x {\n    script "/bin/true"\n}\nvrrp_instance', "script x"),
    ],
)
def test_with_reload_check_config_keepalived_does_not_start_if_the_check_finds_errors(
    station: Station, old: str, new: str, words: str
) -> None:
    keepalived = station.node.keepalived
    with restarted_with(station, (old, new)):
        told = station.trouble(*its_file(station))
        with contextlib.suppress(LabError):  # it ended while we waited for its child
            keepalived.start()
        code = station.lab.wait_until(
            lambda: keepalived.exit_code, timeout_s=15, what="keepalived to give up"
        )

    assert any(words in what for name, what in told.findings() if name == "keepalived.conf")
    assert 2 == code


# --- the clock ----------------------------------------------------------------------------------


def test_a_wrong_clock_explains_a_certificate_that_is_not_valid_yet(tmp_path: Path) -> None:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    path = tmp_path / "hakeeper.yaml"
    with SimCloud(tls=context) as cloud:
        path.write_text(
            "instances: {VI_1: {floating_ips: [web]}}\n"
            f"hetzner: {{endpoint: '{cloud.url}', ca_file: {tmp_path}/ca.pem}}\n"
        )
        done = subprocess.run(
            [HAKEEPER, "check", "--online", "--json", "-c", path],
            env={
                "PATH": os.environ["PATH"],
                "HCLOUD_TOKEN": cloud.add_client("check-x"),
                "LD_PRELOAD": str(library),
                "FAKETIME": "-30y",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        asked = [each.client for each in cloud.requests()]
    told = Told(done.returncode, done.stdout, json.loads(done.stdout))
    [what] = [what for name, what in told.findings() if name == "API"]

    assert told.code == 69
    assert "certificate is not yet valid" in what
    assert "days behind the Date of the API's answer" in what
    assert [""] == asked
