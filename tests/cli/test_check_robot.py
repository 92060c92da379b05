"""`hakeeper check` of a configuration with failover IPs."""

import json
from pathlib import Path

import pytest

from hakeeper.adapters.redaction import Redactor
from hakeeper.cli.check import inspect
from tests.cli.test_check import GOOD, SECRET, check

LOGIN = "user:Zq7:long-enough"
FAILOVER = "instances: {VI_1: {failover_ips: [203.0.113.7]}}\n"


def test_failover_ips_alone_need_the_login_and_no_token(tmp_path: Path) -> None:
    result = check(FAILOVER, tmp_path, HAKEEPER_ROBOT_LOGIN=LOGIN)
    assert (0, "") == (result.returncode, result.stderr)
    for shown in (
        "failover IP 203.0.113.7",
        "https://robot-ws.your-server.de",
        "auto (this machine)",
        "environment variable HAKEEPER_ROBOT_LOGIN",
    ):
        assert shown in result.stdout
    assert "hetzner.cloud" not in result.stdout


def test_without_a_login_all_ways_to_give_one_are_told(tmp_path: Path) -> None:
    result = check(FAILOVER, tmp_path, HCLOUD_TOKEN=SECRET)
    assert 78 == result.returncode
    ways = ["/etc/hakeeper/robot-login", "robot.credentials_file", "LoadCredential=robot-login:"]
    places = [result.stderr.index(way) for way in ways]
    assert sorted(places) == places


@pytest.mark.parametrize("login", ["Zq7", "user:", "user: Zq7", "", ":Zq7"])
def test_a_login_that_is_none_is_refused_and_not_shown(tmp_path: Path, login: str) -> None:
    file = tmp_path / "login"
    file.write_text(login)
    file.chmod(0o600)
    result = check(f"{FAILOVER}robot: {{credentials_file: {file}}}\n", tmp_path)
    assert 78 == result.returncode
    assert f"robot.credentials_file: file {file}" in result.stderr


def test_without_failover_ips_nothing_of_robot_is_read(tmp_path: Path) -> None:
    text = f"{GOOD}robot: {{credentials_file: /nonexistent, ca_file: /nonexistent}}\n"
    result = check(text, tmp_path, "--json", HCLOUD_TOKEN=SECRET)
    told = json.loads(result.stdout)
    assert (0, None) == (result.returncode, told["login_source"])


def test_both_are_needed_where_there_are_both_kinds(tmp_path: Path) -> None:
    both = "instances: {VI_1: {floating_ips: [web], failover_ips: [203.0.113.7]}}\n"
    assert 78 == check(both, tmp_path, HCLOUD_TOKEN=SECRET).returncode
    assert 78 == check(both, tmp_path, HAKEEPER_ROBOT_LOGIN=LOGIN).returncode
    good = check(both, tmp_path, HCLOUD_TOKEN=SECRET, HAKEEPER_ROBOT_LOGIN=LOGIN)
    assert 0 == good.returncode


def test_without_a_login_that_of_the_service_is_checked(tmp_path: Path) -> None:
    config, service_login = tmp_path / "hakeeper.yaml", tmp_path / "login"
    config.write_text(FAILOVER)
    service_login.write_text(LOGIN)
    service_login.chmod(0o600)
    found = inspect(config, {}, Redactor(), service_login=service_login)
    assert (0, f"file {service_login}") == (found.exit_code, found.login_source)
    service_login.chmod(0o644)
    assert 78 == inspect(config, {}, Redactor(), service_login=service_login).exit_code


def test_the_login_is_hidden_from_then_on(tmp_path: Path) -> None:
    config, redactor = tmp_path / "hakeeper.yaml", Redactor()
    config.write_text(FAILOVER)
    inspect(config, {"HAKEEPER_ROBOT_LOGIN": LOGIN}, redactor)
    assert "Zq7" not in redactor.text(f"tried {LOGIN}")


def test_online_only_robot_is_asked(tmp_path: Path) -> None:
    robot = "robot: {server: 127.0.0.1, endpoint: 'http://127.0.0.1:9'}"
    text = f"{FAILOVER}{robot}\nkeepalived: {{fifo: {tmp_path}/fifo}}\n"
    result = check(text, tmp_path, "--online", HAKEEPER_ROBOT_LOGIN=LOGIN)
    assert "Robot at http://127.0.0.1:9 does not work" in " ".join(result.stdout.split())
    assert "api.hetzner.cloud" not in result.stdout
