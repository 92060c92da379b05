"""docs/tutorial.md, carried out on two bare servers: what a visitor sees is what it says."""

import re
import subprocess
from pathlib import Path

from hakeeper.demo.lab import wait_until
from tests.e2e import package
from tests.e2e.hands import on_terminal, wait_until_well
from tests.e2e.machine import PATIENCE_S
from tests.e2e.pair import FLOATING_IP, Pair, token_of
from tests.support.markdown import blocks

DOCS = Path(__file__).parents[2] / "docs"
SECTION = re.compile(r"^## (\d)\. .*\n", re.MULTILINE)


def commands(page: Path) -> dict[str, list[str]]:
    """The lines of shell in each numbered section, without comments."""
    numbers, texts = (SECTION.split(page.read_text())[start::2] for start in (1, 2))
    return {
        number: [
            bare
            for block in blocks(text, "sh")
            for line in block.splitlines()
            if (bare := re.sub(r"\s+#.*", "", line)).strip()
        ]
        for number, text in zip(numbers, texts, strict=True)
    }


class Visitor:
    """Somebody outside: packets to the address go to whoever holds it at Hetzner."""

    def __init__(self, pair: Pair, command: str) -> None:
        self._pair = pair
        self._argv = [*command.split(), "--silent", "--max-time", "2"]

    def ask(self) -> str:
        """What the address answers now; empty if it does not."""
        holder = self._pair.holder()
        if holder is None:
            return ""
        via = self._pair.machine(holder).public_ip
        subprocess.run(["ip", "route", "replace", FLOATING_IP, "via", via], check=True)
        done = subprocess.run(self._argv, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def wait_for(self, text: str) -> None:
        """Ask until that is the answer."""
        wait_until(
            lambda: self.ask() == text,
            timeout_s=2 * PATIENCE_S,
            what=lambda: f"{text!r}, and not {self.ask()!r}\n{self._pair.report()}",
        )


def test_both_languages_have_the_same_commands() -> None:
    assert commands(DOCS / "tutorial.md") == commands(DOCS / "de/tutorial.md")


def test_the_tutorial_ends_with_a_working_failover(bare_pair: Pair) -> None:
    pair = bare_pair
    steps = commands(DOCS / "tutorial.md")
    pair.switch_on()
    deb = package.find()
    for machine in pair.machines:
        machine.write(f"/root/{deb.name}", deb.read_bytes())
        install, index = steps["2"]
        machine.shell(f"cd /root; {install}", given="y\n")
        machine.shell(index)
        [token] = steps["3"]
        machine.shell(token, given=token_of(machine.name) + "\n")

    [first], [second], [status, curl] = steps["4"], steps["5"], steps["6"]
    said = on_terminal(pair.a, first, "y\n")
    assert f"on web-b, unless it is set up: {second}" in said
    on_terminal(pair.b, second, "y\n")
    visitor = Visitor(pair, curl)
    visitor.wait_for("this is web-a")
    for machine in pair.machines:
        wait_until_well(machine)
    shown = pair.a.shell(status)
    assert shown.startswith("OK")
    assert f"web = {FLOATING_IP}: on this server, confirmed" in shown
    assert "BACKUP" in pair.b.shell(status)

    stop, history, start = steps["7"]
    pair.a.shell(stop)
    visitor.wait_for("this is web-b")
    wait_until(
        lambda: f"claimed {FLOATING_IP}" in " ".join(pair.b.shell(history).split()),
        timeout_s=PATIENCE_S,
        what="the claim in the history",
    )
    pair.a.shell(start)
    visitor.wait_for("this is web-a")

    pair.a.cut_power()
    visitor.wait_for("this is web-b")
    pair.switch_on(pair.a)
    visitor.wait_for("this is web-a")
