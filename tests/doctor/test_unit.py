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
    # A permission: the check writes nothing.
    "ReadWritePaths",
    # The check runs keepalived, wherever it lies, to have it test its file.
    "NoExecPaths",
    "ExecPaths",
}
"""What makes a daemon, and no sandbox."""


def service_lines(unit: str) -> Iterator[tuple[str, str]]:
    section = (SYSTEMD / unit).read_text().split("[Service]")[1].split("[Install]")[0]
    for line in section.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            if key not in ITS_OWN:
                yield key, value


def test_what_is_forbidden_to_the_service_is_forbidden_to_the_check() -> None:
    service = _without_netlink(service_lines("hakeeper.service"))
    check = _without_netlink(service_lines("hakeeper-check.service"))

    assert ("User", "hakeeper") in service
    assert any(key == "ProtectSystem" for key, _ in service)
    assert set() == service - check


def _without_netlink(lines: Iterator[tuple[str, str]]) -> set[tuple[str, str]]:
    """The check may have netlink where the service has none: keepalived's own test needs it."""
    return {(key, value.replace(" AF_NETLINK", "")) for key, value in lines}


def test_the_check_leaves_the_folders_of_the_service_alone() -> None:
    text = (SYSTEMD / "hakeeper-check.service").read_text()

    assert "\nRuntimeDirectory=" not in text
    assert "\nStateDirectory=" not in text
    assert "\nExecStart=/usr/bin/hakeeper check --online\n" in text
