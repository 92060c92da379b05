"""The commands and examples of docs/nat-gateway.md, as an operator has them after reading."""

import re
import textwrap
from pathlib import Path

from hakeeper.demo.lab.netns import Namespace

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "nat-gateway.md"
EXAMPLES = ROOT / "conf"
_INSTALLED = "/usr/share/hakeeper/examples"
_SECTION = re.compile(r"^## (.*)$", re.MULTILINE)
_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
NOT_HERE = ("apt", "systemctl", "hakeeper", "hcloud")
"""Commands that need a whole machine, or an account: the file `SAID` has what they were told."""
SAID = "said"
PASS_ON, HA, ROUTE, BEHIND, SEE = (
    "Both gateways: pass packets on",
    "Both gateways: hakeeper and keepalived",
    "Once: the route",
    "Every server behind: the way out",
    "See a failover",
)
"""The sections that have commands."""


def blocks() -> dict[str, list[str]]:
    """Return the blocks of commands of each section, by its heading."""
    _, *parts = _SECTION.split(PAGE.read_text())
    return {
        title: [textwrap.dedent(block) for block in _BLOCK.findall(text)]
        for title, text in zip(parts[::2], parts[1::2], strict=True)
    }


def three_looks(address: str) -> str:
    """Return the command that shows a failover, but shorter, and at an address of ours."""
    [command] = blocks()[SEE]
    for theirs, ours in (("seq 100", "seq 3"), ("https://ip.hetzner.com", f"http://{address}")):
        assert command.count(theirs) == 1
        command = command.replace(theirs, ours)
    return command


def carry_out(section: str, namespace: Namespace, folder: Path) -> list[str]:
    """Run the commands of a section in a namespace; /etc is `folder`/etc.

    Return what was only noted, since it needs a whole machine.
    """
    (folder / "etc" / "keepalived").mkdir(parents=True, exist_ok=True)
    (folder / "etc" / "hakeeper").mkdir(exist_ok=True)
    said = folder / SAID
    said.touch()
    noted = [f'{name}() {{ echo "{name} $*" >> {said}; }}\n' for name in NOT_HERE]
    text = "".join(blocks()[section])
    text = text.replace(_INSTALLED, str(EXAMPLES)).replace("/etc/", f"{folder}/etc/")
    namespace.run("bash", "-euc", "".join(noted) + text)
    return said.read_text().splitlines()
