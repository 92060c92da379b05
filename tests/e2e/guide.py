"""Set a pair up by the text of docs/install.md, taken out of it and carried out, step by step.

What a person would put in is put in: the package's file, the token, each machine's own addresses.
The examples of keepalived.conf, taken from where the package has put them, are those of machines
with just these addresses. The one addition is the test's: a second FIFO, to which keepalived writes
the same lines (see `hakeeper.demo.lab`).
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.machine import WITNESS, Machine
from tests.e2e.pair import Pair, token_of
from tests.support.markdown import blocks

REPOSITORY = Path(__file__).parents[2]
GUIDE = REPOSITORY / "docs/install.md"
_SECTION = re.compile(r"^## Set up two servers.*?$(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^(\d+)\. ", re.MULTILINE)
_EXAMPLE_ADDRESS = "10.0.0.2"
"""The private address in the guide's text."""


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step: its text, and its blocks of code by language."""

    text: str

    def block(self, language: str) -> str:
        """Return the one block in a language, without its indentation."""
        found = blocks(self.text, language)
        assert len(found) == 1, f"{len(found)} blocks of {language!r} in: {self.text}"
        return found[0]

    def commands(self) -> list[str]:
        """Return the lines of the one block of shell, without comments."""
        lines = [re.sub(r"\s+#.*", "", line) for line in self.block("sh").splitlines()]
        return [line for line in lines if line.strip()]


def steps() -> list[Step]:
    """Return the numbered steps of the guide's section about setting up."""
    section = _SECTION.search(GUIDE.read_text())
    assert section is not None, "docs/install.md has no section `## Set up two servers`"
    parts = _STEP.split(section[1])[1:]
    numbers, texts = parts[::2], parts[1::2]
    assert numbers == ["1", "2", "3", "4", "5", "6"], "the steps that are carried out here"
    return [Step(text) for text in texts]


def set_up(pair: Pair, deb: Path) -> None:
    """Carry out the guide on both machines, which are off; they stay on."""
    install, token, config, keepalived, start, _ = steps()
    pair.switch_on()
    for machine in pair.machines:
        _install(machine, install, deb)
        _give_token(machine, token)
        _configure(machine, config)
        _configure_keepalived(machine, keepalived)
    for machine in pair.machines:
        _check_and_start(machine, start)


def check(pair: Pair) -> None:
    """Carry out the last step on both machines: would a failover work? And as the service would."""
    status, online = steps()[-1].commands()
    for machine in pair.machines:
        machine.shell(status)
        machine.shell(online)
        machine.systemctl("start", "hakeeper-check")


def _install(machine: Machine, step: Step, deb: Path) -> None:
    (command,) = step.commands()
    machine.write(f"/root/{deb.name}", deb.read_bytes())
    said = machine.shell(f"cd /root; {command}", given="y\n")
    assert said.count("\nhakeeper: next: ") == 1, f"what is next, once: {said}"


def _give_token(machine: Machine, step: Step) -> None:
    (command,) = step.commands()
    machine.shell(command, given=token_of(machine.name) + "\n")


def _configure(machine: Machine, step: Step) -> None:
    assert "**/etc/hakeeper/hakeeper.yaml**" in step.text
    text = step.block("yaml").replace(_EXAMPLE_ADDRESS, machine.private_ip)
    machine.write("/etc/hakeeper/hakeeper.yaml", text)
    for command in step.commands():
        machine.shell(command)


def _configure_keepalived(machine: Machine, step: Step) -> None:
    (command,) = step.commands()
    letter = machine.name[-1]
    assert f"`plain-web-{letter}.conf`" in step.text
    command = command.replace("plain-web-a.conf", f"plain-web-{letter}.conf")
    machine.shell(command)
    path = command.split()[-1]
    add_witness(machine, path)
    assert "systemctl edit keepalived" in step.text
    drop_in = step.block("ini").replace(_EXAMPLE_ADDRESS, machine.private_ip)
    machine.write("/etc/systemd/system/keepalived.service.d/override.conf", drop_in)
    machine.systemctl("daemon-reload")  # as `systemctl edit` does


def add_witness(machine: Machine, path: str) -> None:
    """Let a keepalived.conf name the test's own FIFO, too."""
    conf = machine.run("cat", path)
    assert conf.count("enable_dbus\n") == 1
    conf = conf.replace("enable_dbus\n", f"enable_dbus\n    notify_fifo {WITNESS} root root\n")
    machine.write(path, conf)


def _check_and_start(machine: Machine, step: Step) -> None:
    check_file, start = (Step(text) for text in step.text.split("Then:"))
    (command,) = check_file.commands()
    told = json.loads(machine.run("bash", "-c", f"{command} --json", check=False))["online"]
    assert told["ready_after_restart"], told
    assert not told["ready_now"], "keepalived does not run yet"
    for line in start.commands():
        machine.shell(line)
