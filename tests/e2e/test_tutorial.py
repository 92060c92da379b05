"""docs/tutorial.md, carried out on two bare servers: what a visitor sees is what it says."""

import re
from pathlib import Path

from hakeeper.demo.lab import wait_until
from tests.e2e import package
from tests.e2e.hands import on_terminal, wait_until_well
from tests.e2e.machine import PATIENCE_S
from tests.e2e.pair import FLOATING_IP, Pair, token_of
from tests.e2e.visitors import Visitor
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
    said = on_terminal(pair.a, first, ("[y/N]", "y"))
    assert f"on web-b, unless it is set up: {second}" in said
    on_terminal(pair.b, second, ("[y/N]", "y"))
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
