"""`hakeeper check` as an operator or a script runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from hakeeper.adapters.redaction import Redactor
from hakeeper.cli.check import inspect
from hakeeper.demo.lab.netns import Namespace
from tests.support.privileges import public_folder, unprivileged

HAKEEPER = Path(sys.executable).with_name("hakeeper")
CONF = Path(__file__).parents[2] / "conf"
SECRET = "Zq7" * 21 + "x"
GOOD = "instances: {VI_1: {floating_ips: [web]}}\n"


def check(
    text: str | bytes, tmp_path: Path, *options: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "hakeeper.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return check_file(path, *options, **environ)


def check_file(path: Path, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [HAKEEPER, "check", "-c", path, *options],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in result.stderr
    assert "Zq7" not in result.stdout + result.stderr
    return result


@pytest.mark.parametrize("name", ["hakeeper.yaml", "hakeeper-full.yaml"])
def test_the_examples_are_good(name: str) -> None:
    result = check_file(CONF / name, HCLOUD_TOKEN=SECRET)
    assert (result.returncode, result.stderr) == (0, "")
    for shown in ("VI_1", "web", "/run/hakeeper/notify.fifo", "https://api.hetzner.cloud/v1"):
        assert shown in result.stdout
    assert "environment variable HCLOUD_TOKEN" in result.stdout


def test_every_error_is_reported_at_once_to_stderr(tmp_path: Path) -> None:
    text = f"servr: x\nhetzner:\n  timeout: 5\n  token: {SECRET}\n{GOOD}"
    result = check(text, tmp_path)
    path = tmp_path / "hakeeper.yaml"
    assert (result.returncode, result.stdout) == (78, "")
    starts = [f"{path}:1:1: servr: ", f"{path}:3:12: hetzner.timeout: "]
    starts += [f"{path}:4:3: hetzner.token: ", f"{path}:4:10: this looks like an API token"]
    assert [
        line.startswith(start)
        for line, start in zip(result.stderr.splitlines(), starts, strict=True)
    ] == [True] * 4


def test_errors_as_json_have_their_place(tmp_path: Path) -> None:
    result = check(f"servr: x\n{GOOD}", tmp_path, "--json")
    path = str(tmp_path / "hakeeper.yaml")
    assert (result.returncode, result.stderr) == (78, "")
    assert json.loads(result.stdout) == {
        "ok": False,
        "exit_code": 78,
        "file": path,
        "errors": [
            {
                "file": path,
                "line": 1,
                "column": 1,
                "path": "servr",
                "message": "unknown key; did you mean `server`?",
            }
        ],
        "warnings": [],
        "token_source": None,
        "login_source": None,
        "config": None,
    }


def test_the_json_of_a_valid_configuration_has_the_values_in_use(tmp_path: Path) -> None:
    result = check(f"server: 42\n{GOOD}", tmp_path, "--json", HCLOUD_TOKEN=SECRET)
    told = json.loads(result.stdout)
    assert result.returncode == 0
    assert told["ok"] is True
    assert told["token_source"] == "environment variable HCLOUD_TOKEN"
    assert told["config"]["server"] == 42
    assert told["config"]["addresses"] == [
        {
            "kind": "INSTANCE",
            "name": "VI_1",
            "floating_ips": ["web"],
            "alias_ips": [],
            "failover_ips": [],
            "vrrp_addresses": [],
            "hooks": {
                "on_master": None,
                "on_claimed": None,
                "on_lost_role": None,
                "on_contested": None,
                "on_failed": None,
                "timeout_s": 30.0,
            },
        }
    ]
    assert told["config"]["hetzner"]["timeout_s"] == 5.0


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_no_file_is_66_and_a_directory_78(tmp_path: Path, options: list[str]) -> None:
    missing = check_file(tmp_path / "none.yaml", *options)
    assert missing.returncode == 66
    assert "there is no configuration file here" in missing.stdout + missing.stderr
    folder = check_file(tmp_path, *options)
    assert folder.returncode == 78
    assert "is a directory" in folder.stdout + folder.stderr


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "the file is empty"),
        (b"# f\xfcr\n", ":1:4: byte 0xfc is not UTF-8"),
        (b"[" * 10_000_000, "is larger than 1 MiB"),
        (b"[" * 1_000_000, "nested more than 12 deep"),
        (b"\x00", "invisible character U+0000"),
    ],
)
def test_a_file_that_is_none_is_78(tmp_path: Path, data: bytes, expected: str) -> None:
    result = check(data, tmp_path)
    assert result.returncode == 78
    assert expected in result.stderr


def test_without_a_token_it_is_78_with_the_ways_that_of_the_service_first(tmp_path: Path) -> None:
    result = check(GOOD, tmp_path)
    assert (result.returncode, result.stdout) == (78, "")
    ways = [
        "install -m 0600 /dev/stdin /etc/hakeeper/token (paste",
        "hetzner.token_file",
        "LoadCredential=hcloud-token:",
        "HCLOUD_TOKEN",
    ]
    places = [result.stderr.index(way) for way in ways]
    assert places == sorted(places)


def test_without_a_token_that_of_the_service_is_checked(tmp_path: Path) -> None:
    config, service_token = tmp_path / "hakeeper.yaml", tmp_path / "token"
    config.write_text(GOOD)
    service_token.write_text(SECRET)
    service_token.chmod(0o600)
    found = inspect(config, {}, Redactor(), service_token)
    given = inspect(config, {"HCLOUD_TOKEN": SECRET}, Redactor(), service_token)
    service_token.chmod(0o644)
    refused = inspect(config, {}, Redactor(), service_token)

    assert (0, f"file {service_token}") == (found.exit_code, found.token_source)
    assert "environment variable HCLOUD_TOKEN" == given.token_source
    assert 78 == refused.exit_code


def test_a_token_file_open_to_everybody_is_78_with_the_chmod(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(SECRET)
    token.chmod(0o644)
    text = f"hetzner: {{token_file: {token}}}\n{GOOD}"
    result = check(text, tmp_path)
    assert result.returncode == 78
    assert f"hakeeper.yaml: hetzner.token_file: file {token}: every user can" in result.stderr
    assert f"run: chmod o-rwx {token}" in result.stderr
    token.chmod(0o600)
    assert f"token     file {token}" in check(text, tmp_path).stdout


def test_files_without_permission_are_77() -> None:
    """In this process, because a child of another user could not find the interpreter."""
    with public_folder() as folder:
        config, secret = folder / "hakeeper.yaml", folder / "secret"
        secret.write_text(SECRET)
        secret.chmod(0)
        config.touch()
        config.chmod(0o644)
        config.write_text(f"hetzner: {{token_file: {secret}}}\n{GOOD}")
        assert inspect_unprivileged(config, {}) == (77, "hetzner.token_file")
        config.write_text(f"hetzner: {{ca_file: {secret}}}\n{GOOD}")
        assert inspect_unprivileged(config, {"HCLOUD_TOKEN": SECRET}) == (77, "hetzner.ca_file")
        config.chmod(0)
        assert inspect_unprivileged(config, {"HCLOUD_TOKEN": SECRET}) == (77, "")


def inspect_unprivileged(config: Path, environ: dict[str, str]) -> tuple[int, str]:
    with unprivileged():
        verdict = inspect(config, environ, Redactor())
    assert len(verdict.errors) == 1
    assert verdict.errors[0].line is None
    return verdict.exit_code, verdict.errors[0].path


def test_the_ca_file_is_tried(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    text = f"hetzner: {{ca_file: {ca}}}\n{GOOD}"
    missing = check(text, tmp_path, HCLOUD_TOKEN=SECRET)
    assert missing.returncode == 78
    assert f"hetzner.ca_file: {ca}: No such file or directory" in missing.stderr
    os.mkfifo(ca)
    assert f"{ca}: is not a regular file" in check(text, tmp_path, HCLOUD_TOKEN=SECRET).stderr
    ca.unlink()
    ca.write_text("nonsense")
    said = check(text, tmp_path, HCLOUD_TOKEN=SECRET).stderr
    assert f"{ca}: it contains no PEM certificate" in said
    trustme.CA().cert_pem.write_to_path(str(ca))
    assert check(text, tmp_path, HCLOUD_TOKEN=SECRET).returncode == 0


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_unusual_token_is_a_warning(tmp_path: Path, options: list[str]) -> None:
    result = check(GOOD, tmp_path, *options, HCLOUD_TOKEN=SECRET[:40])
    assert result.returncode == 0
    assert "was it copied completely?" in (result.stdout if options else result.stderr)


def test_a_credential_of_systemd_is_found(tmp_path: Path) -> None:
    (tmp_path / "hcloud-token").write_text(SECRET + "\n")
    result = check(GOOD, tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path), HCLOUD_TOKEN="bad one")
    assert result.returncode == 0
    assert f"systemd credential {tmp_path}/hcloud-token" in result.stdout


def test_names_beyond_ascii_are_printed_in_any_locale(tmp_path: Path) -> None:
    text = 'instances: {"VI_ä": {floating_ips: ["wëb"]}}\n'
    result = check(text, tmp_path, HCLOUD_TOKEN=SECRET, LC_ALL="C", PYTHONUTF8="0",
                   PYTHONCOERCECLOCALE="0")  # fmt: skip
    assert result.returncode == 0
    assert "VI_\\xe4" in result.stdout


# --- the private addresses -----------------------------------------------------------------------

PRIVATE = "instances: {VI_1: {floating_ips: [web], vrrp_address: [10.99.0.1, 10.99.0.2]}}\n"


def check_with_address(
    text: str, tmp_path: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    """Check on a machine that has 10.99.0.1 and not 10.99.0.2."""
    path = tmp_path / "hakeeper.yaml"
    path.write_text(text)
    with Namespace(f"hkcheck{os.getpid()}") as machine:
        machine.ip("address add 10.99.0.1/32 dev lo")
        return subprocess.run(
            machine.inside([str(HAKEEPER), "check", "-c", str(path), *options]),
            env={"PATH": os.environ["PATH"], "HCLOUD_TOKEN": SECRET},
            capture_output=True,
            text=True,
            check=False,
        )


def test_a_private_address_that_is_missing_is_warned_of_and_no_error(tmp_path: Path) -> None:
    result = check_with_address(PRIVATE, tmp_path)
    assert result.returncode == 0
    assert (
        "warning: VI_1: vrrp_address 10.99.0.2 is not on this machine; nothing is claimed "
        "without it\n"
    ) == result.stderr
    assert "vrrp_address  10.99.0.1, 10.99.0.2 (of VI_1)" in result.stdout


def test_private_addresses_as_json(tmp_path: Path) -> None:
    told = json.loads(check_with_address(PRIVATE, tmp_path, "--json").stdout)
    assert told["ok"] is True
    assert len(told["warnings"]) == 1
    assert told["config"]["addresses"][0]["vrrp_addresses"] == ["10.99.0.1", "10.99.0.2"]


def test_files_that_others_may_write_are_reported_and_are_no_error(tmp_path: Path) -> None:
    (tmp_path / "hakeeper.yaml").touch()
    (tmp_path / "hakeeper.yaml").chmod(0o666)
    tmp_path.chmod(0o777)
    result = check(GOOD, tmp_path, HCLOUD_TOKEN=SECRET)
    told = result.stderr.splitlines()
    assert result.returncode == 0
    assert told[0].startswith(f"warning: {tmp_path / 'hakeeper.yaml'}: every user may write to it")
    assert told[1].startswith(f"warning: {tmp_path}: every user may write to it")
    assert json.loads(check(GOOD, tmp_path, "--json", HCLOUD_TOKEN=SECRET).stdout)["warnings"] == [
        each.removeprefix("warning: ") for each in told
    ]


def test_hooks_that_would_not_be_run_are_warnings(tmp_path: Path) -> None:
    hooks = "{on_master: /nowhere/x, on_failed: [/bin/true, a]}"
    text = f"instances: {{VI_1: {{floating_ips: [web], hooks: {hooks}}}}}\n"
    result = check(text, tmp_path, HCLOUD_TOKEN=SECRET)
    assert result.returncode == 0
    assert "  hooks     on_master, on_failed (of VI_1)\n" in result.stdout
    assert "warning: VI_1: on_master is not run: /nowhere/x: No such file" in result.stderr
    assert "no hook is run: nothing listens at /run/hakeeper-hooks/notices.sock" in result.stderr
