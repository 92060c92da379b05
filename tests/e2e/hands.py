"""What an operator does at a machine: type on a terminal, wait until all is well."""

from hakeeper.demo.lab import wait_until
from tests.e2e.machine import PATIENCE_S, Machine


def on_terminal(machine: Machine, command: str, given: str) -> str:
    """Run a command that asks, on a terminal."""
    return machine.run(
        "script", "--quiet", "--return", "--command", command, "/dev/null", given=given
    )


def wait_until_well(machine: Machine) -> None:
    """Wait until the status is OK."""
    wait_until(
        lambda: machine.status()["health"] == "ok",
        timeout_s=PATIENCE_S,
        what=lambda: f"{machine.name} to be well: {machine.status()}",
    )
