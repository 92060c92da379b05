"""keepalived itself reads a changed file as it read the old one: nothing new to remark upon."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.demo.lab import Lab
from hakeeper.demo.lab.netns import Namespace
from hakeeper.doctor.gather.keepalived import read_conf
from hakeeper.doctor.keepalived_facts import ConfUnreadable
from hakeeper.setup.conf_edit import edited
from tests.corpus.setup import SetUp
from tests.setup.test_conf_edit import FIFO, PLAIN, before_hakeeper
from tests.support.server_namespace import server_namespace

ALONE = [one for one in PLAIN if not (one.files or one.options or one.before)]
_PLACE = re.compile(r"\((?:\S+: )?Line \d+\) |^.*: Line \d+|/\S+/keepalived\.conf")


@pytest.fixture(scope="module")
def server() -> Iterator[Namespace]:
    reason = Lab.available()
    if reason is not None:
        pytest.skip(f"no real keepalived here: {reason}")
    with server_namespace("hksetup") as namespace:
        yield namespace


def remarks(server: Namespace, path: Path) -> tuple[int, set[str]]:
    """What the test of a file says, without places, and its exit code."""
    argv = server.inside(["keepalived", "--config-test", "--use-file", str(path)])
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return done.returncode, {_PLACE.sub("", line) for line in lines}


@pytest.mark.parametrize("one", ALONE, ids=lambda one: one.name)
def test_keepalived_has_nothing_more_to_say(server: Namespace, tmp_path: Path, one: SetUp) -> None:
    text = before_hakeeper(one)
    assert text is not None
    path = tmp_path / "keepalived.conf"
    path.write_text(text)
    conf = read_conf(path, "web-a")
    assert not isinstance(conf, ConfUnreadable)
    code, said = remarks(server, path)
    # The user of the service is made by the package; root is everywhere.
    path.write_text(edited(conf, text, fifo=FIFO, user="root"))
    changed_code, changed_said = remarks(server, path)

    assert changed_said <= said
    assert changed_code == code


def test_there_are_many_such_files() -> None:
    assert len(ALONE) > 50
