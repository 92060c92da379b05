"""Every form of keepalived.conf is read as a real keepalived reads it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.demo.lab.keepalived import find_keepalived
from hakeeper.demo.lab.netns import Namespace
from tests.keepalived.forms import DIFFERENT_SINCE_2_3, FORMS, MAIN, Form
from tests.keepalived.told import CONFIG_ID, ask_keepalived, by_reader


@pytest.fixture(scope="module")
def program() -> str:
    """The real one."""
    return find_keepalived() or ""


@pytest.fixture(scope="module")
def version(program: str) -> str:
    """Return what it says of itself."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    """Two interfaces and an address for all of them; no keepalived lives long enough to use it."""
    with Namespace(f"hkforms{os.getpid()}") as made:
        made.ip("link add d0 type veth peer name d1", "link set d0 up", "link set d1 up")
        made.ip("address add 10.0.0.2/24 dev d0")
        yield made


def write(folder: Path, form: Form) -> Path:
    """Write the files of a form and return the one that keepalived is given."""
    for name, text in form.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.replace("HERE", str(folder)).encode())
        path.chmod(0o755 if path.suffix == ".sh" else 0o644)
    return folder / MAIN


@pytest.mark.parametrize("name", FORMS)
def test_the_reader_tells_the_same_as_keepalived(
    name: str, program: str, version: str, namespace: Namespace, tmp_path: Path
) -> None:
    if name in DIFFERENT_SINCE_2_3 and "Keepalived v2.2." not in version:
        pytest.skip("keepalived made something else of it before 2.3")
    path = write(tmp_path, FORMS[name])
    dump = ask_keepalived(program, namespace, path)
    told, conf = by_reader(path)

    assert dump.is_started, dump.text
    assert dump.told() == told, (conf.unread, conf.ignored)


def test_keepalived_includes_nothing_in_quotes_and_finds_that_good(
    program: str, namespace: Namespace, tmp_path: Path
) -> None:
    path = write(tmp_path, FORMS["include in quotes"])
    test = namespace.run(program, "--config-test", "-i", CONFIG_ID, "-f", str(path))
    told, conf = by_reader(path)

    assert "" == test  # and it ended with 0
    assert ["B"] == [one[0] for one in told.instances]
    assert ["include a.conf"] == [one.cure for one in conf.ignored]
    assert () == conf.unread
