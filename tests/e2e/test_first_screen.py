"""From nothing to a failover: install.md's lines for the repository, README's `hakeeper init`."""

import re

import pytest

from tests.e2e import package
from tests.e2e.book import typed
from tests.e2e.hands import on_terminal
from tests.e2e.machine import Machine
from tests.e2e.pair import FLOATING_IP, PROBE, Pair, Site, token_of
from tests.e2e.repository import HOME, lead_home, repository_at_home
from tests.e2e.visitors import Visitor

_PASTE = "read and write permission (not shown): "


def first_lines() -> tuple[list[str], str]:
    """What to type on a bare server: the package from the repository, and `hakeeper init`."""
    install = typed("install.md", "From the apt repository")[:3]
    _, init = typed("../README.md", "Install")
    return install, init


def test_the_repository_is_where_the_documents_say() -> None:
    (fetch, *_), init = first_lines()
    assert f" {HOME}/hakeeper.sources" in fetch
    assert init.startswith("hakeeper init --peer ")


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_from_the_repository_to_a_failover(
    bare_equal_pair: Pair, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pair = bare_equal_pair
    install, init = first_lines()
    pair.switch_on()
    with repository_at_home(tmp_path_factory.mktemp("home"), site) as repository:
        repository.publish(package.find())
        for machine in pair.machines:
            lead_home(machine, site)
            for command in install:
                machine.shell(command, given="y\n")
            machine.write("/var/www/html/index.html", f"this is {machine.name}\n")

    said = _initialize(pair.a, init)
    [other] = re.findall(r"^on web-b, unless it is set up: (hakeeper init .*)$", said, re.MULTILINE)
    _initialize(pair.b, other)

    visitor = Visitor(pair, f"curl http://{FLOATING_IP}")
    visitor.wait_for("this is web-a")
    pair.a.cut_power()
    visitor.wait_for("this is web-b")
    pair.switch_on(pair.a)
    visitor.wait_for("this is web-a")

    assert pair.moves() == ["web-a", "web-b", "web-a"]
    writes = [each for each in pair.cloud.requests(method="POST") if each.path != PROBE]
    assert {(each.client, each.server) for each in writes} == set(pair.servers.items())
    for machine in pair.machines:
        machine.run("hakeeper", "check", "--online")


def _initialize(machine: Machine, command: str) -> str:
    said = on_terminal(machine, command, (_PASTE, token_of(machine.name)), ("[y/N]", "y"))
    assert token_of(machine.name) not in said
    return said
