"""From nothing to a failover: README's lines, and install.md's for the repository."""

import re

import pytest

from tests.e2e import package
from tests.e2e.book import typed
from tests.e2e.hands import on_terminal, wait_until_well
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

    visitor = _set_up(pair, init)
    pair.a.cut_power()
    visitor.wait_for("this is web-b")
    pair.switch_on(pair.a)
    visitor.wait_for("this is web-a")
    _check_that_all_is_well(pair)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_the_readme_alone_leads_to_a_failover(bare_equal_pair: Pair) -> None:
    """Each of its lines, in their order, and nothing else but its servers' web pages."""
    pair = bare_equal_pair
    install, init = typed("../README.md", "Install")
    stop, status, journal = typed("../README.md", "See it work")
    deb = package.find()
    pair.switch_on()
    for machine in pair.machines:
        machine.write(f"/root/{deb.name}", deb.read_bytes())
        machine.shell(f"cd /root; {install}", given="y\n")

    visitor = _set_up(pair, init)
    pair.a.shell(stop)
    visitor.wait_for("this is web-b")
    wait_until_well(pair.b)
    assert "MASTER" in pair.b.shell(status)
    assert "claimed" in pair.b.shell(journal)
    pair.a.systemctl("start", "keepalived")
    visitor.wait_for("this is web-a")
    _check_that_all_is_well(pair)


def _set_up(pair: Pair, init: str) -> Visitor:
    """Type README's command on one server, and what it prints on the other; visit the address."""
    for machine in pair.machines:
        machine.write("/var/www/html/index.html", f"this is {machine.name}\n")
    said = _initialize(pair.a, init)
    [other] = re.findall(r"^on web-b, unless it is set up: (hakeeper init .*)$", said, re.MULTILINE)
    _initialize(pair.b, other)
    visitor = Visitor(pair, f"curl http://{FLOATING_IP}")
    visitor.wait_for("this is web-a")
    return visitor


def _check_that_all_is_well(pair: Pair) -> None:
    assert pair.moves() == ["web-a", "web-b", "web-a"]
    writes = [each for each in pair.cloud.requests(method="POST") if each.path != PROBE]
    assert {(each.client, each.server) for each in writes} == set(pair.servers.items())
    for machine in pair.machines:
        machine.run("hakeeper", "check", "--online")


def _initialize(machine: Machine, command: str) -> str:
    said = on_terminal(machine, command, (_PASTE, token_of(machine.name)), ("[y/N]", "y"))
    assert token_of(machine.name) not in said
    return said
