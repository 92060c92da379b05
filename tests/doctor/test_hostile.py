"""Whatever stands in keepalived.conf and around it: it is read, or told, in bounded time."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.doctor.gather.files import MATCHES_LIMIT, NAMES_LIMIT, SIZE_LIMIT
from hakeeper.doctor.gather.keepalived import read_conf
from hakeeper.doctor.keepalived_facts import ConfUnreadable

GOOD = "vrrp_instance A {\n interface eth0\n}\n"


def fifo(folder: Path) -> None:
    os.mkfifo(folder / "x.inc")


def zero(folder: Path) -> None:
    (folder / "x.inc").symlink_to("/dev/zero")


def myself(folder: Path) -> None:
    (folder / "x.inc").symlink_to(folder / "keepalived.conf")


def each_other(folder: Path) -> None:
    for number in range(40):
        (folder / f"{number}.inc").write_text("include *.inc\ninclude ./*.inc\n")


def loop(folder: Path) -> None:
    (folder / "x.inc").symlink_to("x.inc")


def many(folder: Path) -> None:
    (folder / "many").mkdir()
    for number in range(MATCHES_LIMIT + 1):
        (folder / "many" / str(number)).touch()


def wide(folder: Path) -> None:
    for number in range(60):
        (folder / f"wide/{number}/a/b").mkdir(parents=True)
    for name in "abc":
        (folder / f"wide/{name}").symlink_to(folder / "wide")


def nothing(folder: Path) -> None:
    assert folder.is_dir()


def repeated(text: str) -> str:
    return text * (SIZE_LIMIT // len(text))


@pytest.mark.parametrize(
    ("make", "text", "told"),
    [
        (fifo, "include x.inc\n", "is not a regular file"),
        (fifo, "include *.inc\n", "is not a regular file"),
        (zero, "include x.inc\n", "is not a regular file"),
        (myself, "include x.inc\n", "include each other"),
        (each_other, "include 1.inc\n", "more than 1000 files"),
        (loop, "include x.inc\n", "symbolic links"),
        (many, "include many/*\n", f"more than {MATCHES_LIMIT} files"),
        (wide, "include wide/*/*/*/*/*/*/*/*/*x\n", f"more than {NAMES_LIMIT} names"),
        (wide, "include wide/*/*/*/*x\n" * 900, f"more than {NAMES_LIMIT} names"),
        (nothing, "include " + "{a,b}" * 60 + "\n", f"expand to more than {MATCHES_LIMIT} names"),
        (nothing, "include " + "{" * 900 + "\n", "name too long"),
        (nothing, "include " + "../" * 300 + "x*/*/*\n", ""),
        (nothing, "~SEQ(N, 1, 1000000000) x ${N}\n", "more than 10000 lines"),
        (nothing, "~SEQ(N, 1, 999999999999999999999999) x ${N}\n", "more than 10000 lines"),
        (nothing, "$A=${A}\nx ${A}\n", "contain each other"),
        (nothing, "$A=${B} ${B}\n$B=${A} ${A}\nx ${A}\n", "contain each other"),
        (nothing, "$A=$A \\\n $A\n$A\n", ""),
        (nothing, "x" * (SIZE_LIMIT - len(GOOD) - 9) + "\n", "1023 bytes or more"),
        (nothing, '"' * 1000 + "\n", ""),
        (nothing, "unicast_peer {" * 300 + "\n", "never closed"),
        (nothing, "\0" * 100_000 + "\n", "NUL"),
    ],
)
def test_it_is_reported_and_the_rest_is_read(
    make: Callable[[Path], None], text: str, told: str, tmp_path: Path
) -> None:
    make(tmp_path)
    path = tmp_path / "keepalived.conf"
    path.write_text(GOOD + text)
    conf = read_conf(path, "x")

    assert isinstance(conf, KeepalivedConf)
    assert ["A"] == [one.name for one in conf.instances]
    said = [one.what for one in conf.unread] + [one.why for one in conf.ignored]
    assert any(told in one for one in said) or not told, said


@pytest.mark.parametrize("included", ["\n", "#\n", "", "y" * 500 + "\n"])
def test_an_include_counts_as_often_as_it_is(included: str, tmp_path: Path) -> None:
    (tmp_path / "x.inc").write_text(repeated(included) if included else "y" * SIZE_LIMIT)
    path = tmp_path / "keepalived.conf"
    path.write_text("include x.inc\n" * 900)
    conf = read_conf(path, "x")

    assert isinstance(conf, ConfUnreadable)
    assert "MiB to read" in conf.reason
    assert conf.reason.endswith("it is not checked")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (repeated("x\n"), "more than 50000 lines"),
        (repeated("{"), "MiB to read"),
        (repeated("a{b}"), "MiB to read"),
        ("~SEQ(N, 1, 9999) ~SEQ(M, 1, 9999) x\n", "more than 50000 lines"),
        ("$A=${A}\n" + "x ${A}\n" * 1000, "MiB to read"),
        ("$A=${B}${B}${B}\n$B=y\n" + ("x" + "${A}" * 100 + "\n") * 1000, "MiB to read"),
        (f"$A={'y' * 1000}\n" + "x $A\n" * 40_000, "MiB to read"),
        (f"$A={'y' * 1000}\n~SEQ(N, 1, 9999) ~SEQ(M, 1, 2) x ${{A}}\n", "MiB to read"),
        (
            "".join(f"$A{at}=${{A{at + 1}}}y\n" for at in range(900)) + "x $A0\n" * 300,
            "MiB to read",
        ),
        (repeated("x" + " $A" * 300 + "\n"), "MiB to read"),
        ("$L=x \\\n" + "y \\\n" * 40_000 + "z\n$L\n$L\n", "more than 50000 lines"),
    ],
)
def test_endless_configurations_are_given_up(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "keepalived.conf"
    path.write_text(text)
    conf = read_conf(path, "x")

    assert isinstance(conf, ConfUnreadable)
    assert told in conf.reason
