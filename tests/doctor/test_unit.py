"""hakeeper-check.service runs the check as the service runs: same user, token and sandbox."""

from collections.abc import Iterator
from pathlib import Path

SYSTEMD = Path(__file__).parents[2] / "systemd"
ITS_OWN = {
    "Type",
    "ExecStart",
    "ExecReload",
    "NotifyAccess",
    "OOMScoreAdjust",
    "Restart",
    "RestartSec",
    "RestartPreventExitStatus",
    "WatchdogSec",
    "TimeoutStartSec",
    "TimeoutStopSec",
    # systemd would remove the running service's folders at the end of the check.
    "RuntimeDirectory",
    "RuntimeDirectoryMode",
    "RuntimeDirectoryPreserve",
    "StateDirectory",
    "StateDirectoryMode",
}
"""What makes a daemon, and no sandbox."""


def service_lines(unit: str) -> Iterator[tuple[str, str]]:
    section = (SYSTEMD / unit).read_text().split("[Service]")[1].split("[Install]")[0]
    for line in section.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            if key not in ITS_OWN:
                yield key, value


def test_user_token_and_sandbox_are_those_of_the_service() -> None:
    service = sorted(service_lines("hakeeper.service"))
    check = sorted(service_lines("hakeeper-check.service"))

    assert ("User", "hakeeper") in service
    assert any(key == "ProtectSystem" for key, _ in service)
    assert _without_netlink(service) == _without_netlink(check)


def _without_netlink(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The check may keep netlink where the service needs none: keepalived's own test does."""
    return [(key, value.replace(" AF_NETLINK", "")) for key, value in lines]


def test_the_check_leaves_the_folders_of_the_service_alone() -> None:
    text = (SYSTEMD / "hakeeper-check.service").read_text()

    assert "\nRuntimeDirectory=" not in text
    assert "\nStateDirectory=" not in text
    assert "ExecStart=/usr/local/bin/hakeeper check --online\n" in text
