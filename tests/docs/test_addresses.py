"""The page about several addresses: hakeeper takes each of its files, and a real keepalived too."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.config import parse
from hakeeper.core.model import VrrpKind
from hakeeper.demo.lab.netns import Namespace
from tests.support.markdown import blocks
from tests.support.server_namespace import server_namespace

ROOT = Path(__file__).parents[2]
SECTIONS = (ROOT / "docs/addresses.md").read_text().split("\n## ")[1:]
GLOBALS = re.search(
    r"(?ms)^global_defs \{.*?^\}\n", (ROOT / "conf/keepalived/fast-web-a.conf").read_text()
)


@pytest.fixture(scope="module")
def server() -> Iterator[Namespace]:
    """A network namespace with the interfaces of a server at Hetzner."""
    with server_namespace("hkaddr") as namespace:
        yield namespace


@pytest.mark.parametrize("section", SECTIONS, ids=lambda text: text.splitlines()[0])
def test_keepalived_accepts_the_lines_without_a_word(
    section: str, server: Namespace, tmp_path: Path
) -> None:
    assert GLOBALS is not None
    found = blocks(section, "")
    assert found
    for text in found:
        conf = tmp_path / "keepalived.conf"
        conf.write_text(f"{GLOBALS[0]}\n{text}")
        argv = server.inside(["keepalived", "--config-test", "-f", str(conf)])
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
        assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda text: text.splitlines()[0])
def test_hakeeper_accepts_its_file_and_both_name_the_same(section: str) -> None:
    defined = {
        name for text in blocks(section, "") for name in re.findall(r"vrrp_instance (\S+)", text)
    }
    for text in blocks(section, "yaml"):
        config = parse(text, "hakeeper.yaml")
        assert {VrrpKind.INSTANCE} == {each.kind for each in config.resources}
        assert {each.name for each in config.resources} == defined


def test_every_kind_of_section_was_looked_at() -> None:
    assert 5 == len(SECTIONS)
    assert 4 == sum(len(blocks(section, "yaml")) for section in SECTIONS)
