"""keepalived.conf is read as keepalived reads it, or the reader says that it cannot."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.demo.lab.netns import Namespace
from hakeeper.doctor.conf import lines
from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.doctor.gather.keepalived import read_conf
from hakeeper.doctor.gather.keepalived_program import find_program
from tests.support.server_facts import CONF, CONF_PATH, read
from tests.support.waiting import eventually

EXAMPLES = sorted((Path(__file__).parents[2] / "conf" / "keepalived").glob("*.conf"))
STRANGE = """\
! a comment
$NET=203.0.113
$MORE= \\
    203.0.113.30 dev d0 \\
    203.0.113.31/32 dev d0
global_defs {
 router_id "x # y" # z
 vrrp_notify_fifo /tmp/nowhere.fifo root
 enable_dbus off}
vrrp_instance VI_1{
  interface d0
  virtual_router_id 5
  priority 5
  @nope priority 9
  @^nope priority 8
  unicast_src_ip 10.0.0.2#foo
  unicast_peer { 10.0.0.3
  }
  virtual_ipaddress { ${NET}.10 dev d0
  $MORE
  }
  include more*.conf
}
vrrp_instance "VI 2" { interface d0
  virtual_router_id 6
  priority 5
  unicast_src_ip 10.0.0.2
  unicast_peer
  {
  10.0.0.3
  }
  virtual_ipaddress
  {
    203.0.113.11/24 dev d0
  } }
vrrp_sync_group G { group {
  VI_1
  "VI 2"
  } }
"""
MORE = "  virtual_ipaddress_excluded { 203.0.113.40/32 dev d0 }\n"


def test_the_usual_file_is_understood_with_its_lines() -> None:
    conf = read(CONF)
    one = conf.instances[0]

    assert () == conf.unread
    assert ("VI_1", 12, "enp7s0", 3) == (one.name, one.place.line, one.interface, one.version)
    assert one.source is not None
    assert ("10.0.0.2", f"{CONF_PATH}:16") == (str(one.source.ip), str(one.source.place))
    assert ["10.0.0.3"] == [str(peer.ip) for peer in one.peers]
    assert [("203.0.113.10/32", "eth0", 24)] == [
        (str(vip.interface), vip.device, vip.place.line) for vip in one.vips
    ]
    fifo = conf.fifos[0]
    assert ("/run/hakeeper/notify.fifo", "hakeeper", 5) == (fifo.path, fifo.user, fifo.place.line)
    assert {"enable_dbus", "reload_check_config"} < set(conf.global_keywords)
    assert () == conf.unused_scripts


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_understood_whole(path: Path) -> None:
    conf = read_conf(path, "web-a")

    assert isinstance(conf, KeepalivedConf)
    assert ((), (), ()) == (conf.unread, conf.conditions, conf.unused_scripts)
    assert ["VI_1"] == [one.name for one in conf.instances]
    assert [("203.0.113.10/32", "eth0")] == [
        (str(vip.interface), vip.device) for vip in conf.instances[0].vips
    ]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The strange file, and what a real keepalived says that it has read in it."""
    folder = tmp_path_factory.mktemp("strange")
    path = folder / "keepalived.conf"
    path.write_text(STRANGE)
    (folder / "more-1.conf").write_text(MORE)
    program = find_program()
    assert program is not None
    pids = ("-p", folder / "pid", "-r", folder / "vrrp.pid", "-c", folder / "checkers.pid")
    argv = [program, "-n", "-l", "-f", path, *pids]
    with Namespace(f"hkdoc{os.getpid()}") as namespace:
        namespace.ip("link add d0 type veth peer name d1", "link set d0 up", "link set d1 up")
        namespace.ip("address add 10.0.0.2/24 dev d0")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                namespace.inside([str(each) for each in argv]),
                env={**os.environ, "TMPDIR": str(folder)},
                stdout=log,
                stderr=log,
            )
        try:
            eventually((folder / "vrrp.pid").exists, what="a VRRP child")

            def dumped() -> str:
                process.send_signal(signal.SIGUSR1)
                data = folder / "keepalived.data"
                text = data.read_text() if data.exists() else ""
                return text if "VRRP Sync Group = G" in text and "VI 2 vrid" in text else ""

            yield path, eventually(dumped, what="keepalived.data")
        finally:
            process.terminate()
            process.wait()


def test_a_strange_file_is_read_as_keepalived_reads_it(told: tuple[Path, str]) -> None:
    path, text = told
    conf = read_conf(path, os.uname().nodename.partition(".")[0])
    assert isinstance(conf, KeepalivedConf)
    assert () == conf.unread
    sections = re.split(r"^ VRRP Instance = ", text, flags=re.MULTILINE)[1:]
    assert ["VI_1", "VI 2"] == [one.name for one in conf.instances]
    assert [one.name for one in conf.instances] == [each.splitlines()[0] for each in sections]
    for one, section in zip(conf.instances, sections, strict=True):
        shown = re.findall(r"^     (203\S+) dev (\S+)", section, re.MULTILINE)
        # keepalived leaves /32 out.
        own = [(str(vip.interface).removesuffix("/32"), vip.device) for vip in one.vips]
        assert sorted(shown) == sorted(own)
        source = re.search(r"Using src_ip = (\S+)", section)
        assert source is not None
        assert one.source is not None
        assert source[1] == str(one.source.ip)
        assert all(f"     {peer.ip} min_ttl" in section for peer in one.peers)
        assert len(one.peers) == 1
    assert "Router ID = x # y" in text
    assert ("vrrp_notify_fifo", "root") == (conf.fifos[0].keyword, conf.fifos[0].user)
    assert "enable_dbus" in conf.global_keywords  # keepalived does not look at what follows it
    assert "DBus enabled" in text
    members = conf.members(VrrpId(VrrpKind.GROUP, "G"))
    assert ["VI_1", "VI 2"] == [one.name for one in members]


def test_included_files_are_named_with_their_own_lines(told: tuple[Path, str]) -> None:
    conf = read_conf(told[0], "x")
    assert isinstance(conf, KeepalivedConf)
    places = {str(vip.interface): str(vip.place) for vip in conf.instances[0].vips}

    assert f"{told[0].parent}/more-1.conf:1" == places["203.0.113.40/32"]
    assert f"{told[0]}:20" == places["203.0.113.31/32"]  # where the parameter is used


def test_conditions_follow_the_config_id_and_are_noted() -> None:
    text = "vrrp_instance A {\n @one interface eth1\n @^one interface eth2\n}\n"
    one, two = read(text, "one"), read(text, "two")

    assert ("eth1", "eth2") == (one.instances[0].interface, two.instances[0].interface)
    assert [2, 3] == [place.line for place in one.conditions]


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("~SEQ(N, 1, 30000) x ${N}\n", "more than 10000 lines", 1),
        ("\n~SEQx(N, -1, 3) x ${N}\n", "`~SEQx(N, -1, 3) x ${N}`", 2),
        ("~LST({N, 1, 3) x ${N}\n", "`~LST({N, 1, 3) x ${N}`", 1),
        ('a "b\n', "a double quote", 1),
        ("a {\n}\n", "opens no block there", 1),
        ("vrrp_instance A\n interface eth0\n}\n", "without a `{`", 2),
        ("# " + "x" * 1022, "1023 bytes or more", 1),
        ("a\0b\n", "a NUL character", 1),
        ("$A=@x b\n$A\n", "begins with `@`", 2),
        ("@x include b.conf\n", "a comment in the first column", 1),
        ("vrrp_instance A {\n auth_hmac {\n  key x\n }\n}\n", "from 2.4 on", 2),
        ("a {\n b ${_RANDOM 1 5}\n}\n", "`${_RANDOM}`", 2),
        ("a {\n b\n", "never closed", 1),
        ("a {\n}\n}\n", "closes nothing", 3),
        ("include /none.conf\n", "`include /none.conf`", 1),
        ("include a.conf\n", "include each other", 1),
        ("$A=${B}\n$B=${A}x\ny ${A}\n", "contain each other", 3),
        ("vrrp_instance A {\n unicast_src_ip here\n}\n", "`here`, which is not an address", 2),
        ("vrrp_instance A {\n virtual_ipaddress {\n  x/32\n }\n}\n", "`x/32`, which is no", 3),
    ],
)
def test_what_is_not_understood_is_reported_with_its_line(text: str, what: str, line: int) -> None:
    others = [
        ("/etc/keepalived/a.conf", "include a.conf\n"),
        ("/etc/keepalived/b.conf", "# the first column\n"),
    ]
    unread = read(text, "x", others=others).unread

    assert any(what in one.what and one.place.line == line for one in unread), unread


def test_the_parameters_of_the_manual_page_are_replaced_as_documented() -> None:
    text = """\
$ADDRESS_BASE=10.2.${ADDRESS_BASE_SUB}
$ADDRESS_BASE_SUB=0
vrrp_instance ${_INSTANCE}x {
 interface "${_HASH}${_BANG}"
 virtual_ipaddress {
  ${ADDRESS_BASE}.100/32
  $ADDRESS_BASE_SUB=10
  ${ADDRESS_BASE}.100/32
  $UNDEFINED
 }
}
"""
    conf = read(text, "here")

    assert ("herex", "#!") == (conf.instances[0].name, conf.instances[0].interface)
    assert ["10.2.0.100/32", "10.2.10.100/32"] == [
        str(vip.interface) for vip in conf.instances[0].vips
    ]
    assert ["`$UNDEFINED`, which is not an address"] == [one.what for one in conf.unread]


def test_a_comment_begins_anywhere_but_in_quotes() -> None:
    text = 'vrrp_instance "A#!b" {!x\n interface eth0#1\n}\n#vrrp_instance B {\n!}\n'
    conf = read(text)

    assert [("A#!b", "eth0")] == [(one.name, one.interface) for one in conf.instances]
    assert () == conf.unread


def test_a_file_without_end_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINE_LIMIT", 100)
    assert () == read("x y\n" * 100).unread
    with pytest.raises(OSError, match="more than 100 lines"):
        read("x y\n" * 101)


def test_parameters_that_grow_without_end_are_reported_and_end() -> None:
    grown = "".join(f"$P{n}=${{P{n + 1}}}${{P{n + 1}}}\n" for n in range(40)) + "x ${P0}\n"
    big = "$BIG=" + "y" * 1000 + "\n$MANY=${BIG}${BIG}\nx ${MANY}\n"

    assert [41] == [one.place.line for one in read(grown).unread]
    assert [3] == [one.place.line for one in read(big).unread]
    assert all("contain each other, or are too long" in one.what for one in read(big).unread)


PIECES = ("vrrp_instance", "global_defs", "unicast_peer", "virtual_ipaddress", "include", "a.conf",
    "{", "}", '"', "\\", "!", "#", "@x", "@^x", "$A", "${A}", "$A=", "~SEQ(", "${_RANDOM 1}", "\n",
    "\n", " ", "10.0.0.1", "/24", "dev", "\t", "é", "\x00")  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_any_content_of_a_file_is_read(pieces: list[str]) -> None:
    text = "".join(pieces)
    conf = read(text, "x", [("/etc/keepalived/a.conf", text)])

    places = [each.place for each in conf.unread] + [one.place for one in conf.instances]
    assert all(place.line is None or 1 <= place.line <= text.count("\n") + 1 for place in places)
