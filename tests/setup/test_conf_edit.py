"""What init changes in a keepalived.conf: as little as possible, and never something unsafe."""

import pytest

from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.setup.conf_edit import edited
from hakeeper.setup.errors import SetupError
from tests.corpus.setup import CONF, SetUp
from tests.corpus.setups import SETUPS
from tests.corpus.setups.common import LINE
from tests.support.server_facts import read

FIFO = "/run/hakeeper/notify.fifo"
WANTED = f"vrrp_notify_fifo {FIFO} hakeeper hakeeper"
BARE = "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n}\n"


def edit(text: str, others: tuple[tuple[str, str], ...] = ()) -> str:
    return edited(read(text, others=others), text, fifo=FIFO, user="hakeeper")


def refusal(text: str, others: tuple[tuple[str, str], ...] = ()) -> str:
    with pytest.raises(SetupError) as caught:
        edit(text, others)
    return str(caught.value)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("global_defs {\n    router_id a\n}\n",
         f"global_defs {{\n    {WANTED}\n    enable_dbus\n    router_id a\n}}\n"),
        ("global_defs {  # all\n\trouter_id a\n}\n",
         f"global_defs {{  # all\n\t{WANTED}\n\tenable_dbus\n\trouter_id a\n}}\n"),
        ("  global_defs{\n  }\n", f"  global_defs{{\n      {WANTED}\n      enable_dbus\n  }}\n"),
        ("global_defs {\r\n  router_id a\r\n}\r\n",
         f"global_defs {{\r\n  {WANTED}\r\n  enable_dbus\r\n  router_id a\r\n}}\r\n"),
        ("", f"global_defs {{\n    {WANTED}\n    enable_dbus\n}}\n\n"),
        ("! a comment\n", f"global_defs {{\n    {WANTED}\n    enable_dbus\n}}\n\n! a comment\n"),
        ("global_defs\n{\n  lvs_id a\n}\n",
         f"global_defs {{\n    {WANTED}\n    enable_dbus\n}}\n\nglobal_defs\n{{\n  lvs_id a\n}}\n"),
        ("global_defs { router_id a\n}\n",
         f"global_defs {{\n    {WANTED}\n    enable_dbus\n}}\n\nglobal_defs {{ router_id a\n}}\n"),
        (f"global_defs {{\n  {WANTED}\n}}\n", f"global_defs {{\n  enable_dbus\n  {WANTED}\n}}\n"),
        ("global_defs {\n  enable_dbus\n}\n", f"global_defs {{\n  {WANTED}\n  enable_dbus\n}}\n"),
        (f"global_defs {{\n\tvrrp_notify_fifo {FIFO}   # mine\n\tenable_dbus\n}}\n",
         f"global_defs {{\n\t{WANTED}   # mine\n\tenable_dbus\n}}\n"),
        (f"global_defs {{\n  vrrp_notify_fifo {FIFO} root root\n  enable_dbus\n}}\n",
         f"global_defs {{\n  {WANTED}\n  enable_dbus\n}}\n"),
    ],
)  # fmt: skip
def test_the_smallest_change(before: str, after: str) -> None:
    assert edit(before + BARE) == after + BARE


@pytest.mark.parametrize(
    "good",
    [
        f"global_defs {{\n  {WANTED}\n  enable_dbus\n}}\n",
        f"global_defs {{\n  vrrp_notify_fifo {FIFO} hakeeper\n  enable_dbus\n}}\n",
        f"global_defs {{\n  {WANTED}\n  enable_dbus off\n}}\n",
    ],
)
def test_what_is_good_or_was_chosen_stays(good: str) -> None:
    assert edit(good + BARE) == good + BARE


def test_a_byte_that_is_no_text_stays_one() -> None:
    text = b"# caf\xe9\n".decode("utf-8", "surrogateescape") + BARE

    assert edit(text).endswith(text)


def test_no_newline_at_the_end_stays_so() -> None:
    assert edit(BARE.rstrip("\n")).endswith(BARE.rstrip("\n"))


def test_an_included_file_is_not_changed() -> None:
    others = (("/etc/keepalived/own.conf", "global_defs {\n    router_id a\n}\n"),)
    text = f"include /etc/keepalived/own.conf\n{BARE}"

    assert edit(text, others) == f"global_defs {{\n    {WANTED}\n    enable_dbus\n}}\n\n{text}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("global_defs {\n vrrp_notify_fifo /run/other.fifo root\n}\n",
         f"{CONF}:2: keepalived writes to /run/other.fifo already"),
        (f"global_defs {{\n notify_fifo {FIFO} hakeeper\n}}\n",
         f"{CONF}:2: `notify_fifo` names hakeeper's FIFO"),
        (f"global_defs {{ vrrp_notify_fifo {FIFO}\n}}\n",
         f"{CONF}:1: cannot change this line safely; write: {WANTED}"),
    ],
)  # fmt: skip
def test_what_is_not_safe_is_refused_with_its_place(text: str, said: str) -> None:
    assert refusal(text + BARE).startswith(said)


def test_a_wrong_line_in_an_included_file_is_told() -> None:
    others = (("/etc/keepalived/own.conf", f"global_defs {{\n vrrp_notify_fifo {FIFO}\n}}\n"),)
    said = refusal(f"include /etc/keepalived/own.conf\n{BARE}", others)

    assert said == (
        "/etc/keepalived/own.conf:2: init changes no included file; write there:"
        f" {WANTED}, then run init again"
    )


# --- notify scripts ------------------------------------------------------------------------------


def without_script(line: str) -> str:
    text = (
        f"global_defs {{\n  {WANTED}\n  enable_dbus\n}}\n"
        f"vrrp_instance VI_1 {{\n    interface eth0\n{line}\n    virtual_router_id 51\n}}\n"
    )
    conf = read(text)
    changed = edited(conf, text, fifo=FIFO, user="hakeeper", without=conf.notify_scripts)
    assert conf.notify_scripts
    return changed


@pytest.mark.parametrize(
    "line",
    [
        "    notify_master /etc/keepalived/failover.sh",
        '\tnotify_master "/etc/keepalived/failover.sh -ip web" root',
        "    notify /etc/f.sh   # moves the address",
    ],
)
def test_a_script_goes_with_its_line(line: str) -> None:
    assert "interface eth0\n    virtual_router_id" in without_script(line)


@pytest.mark.parametrize("line", ["  notify_master /etc/f.sh }", "  notify_master ${HERE}/f.sh"])
def test_a_line_with_more_in_it_is_not_touched(line: str) -> None:
    with pytest.raises(SetupError, match=r"keepalived.conf:7: cannot change this line safely"):
        without_script(line)


# --- files as people have them -------------------------------------------------------------------


def before_hakeeper(one: SetUp) -> str | None:
    """The file without the FIFO line; None: it has none of the usual form, or another one."""
    if not isinstance(one.conf, str) or f"    {LINE}\n" not in one.conf:
        return None
    text = one.conf.replace(f"    {LINE}\n", "")
    return None if "notify_fifo" in text else text


PLAIN = [one for one in SETUPS if before_hakeeper(one) is not None]


def read_with_files(one: SetUp, text: str) -> KeepalivedConf:
    texts = ((path, each) for path, each in one.files.items() if isinstance(each, str))
    return read(text, others=texts)


@pytest.mark.parametrize("one", PLAIN, ids=lambda one: one.name)
def test_a_file_of_the_corpus_gets_its_lines_and_nothing_else(one: SetUp) -> None:
    text = before_hakeeper(one)
    assert text is not None
    conf = read_with_files(one, text)
    after = edited(conf, text, fifo=FIFO, user="hakeeper")
    rest = iter(after.split("\n"))
    assert all(line in rest for line in text.split("\n")), "all lines, in their order"
    added = len(after.split("\n")) - len(text.split("\n"))
    assert added <= 5, "at most a block of two lines"
    judged = read_with_files(one, after)
    ours = next(line for line in judged.fifos if line.keyword == "vrrp_notify_fifo")
    assert (ours.path, ours.user) == (FIFO, "hakeeper")
    assert [each.name for each in judged.instances] == [each.name for each in conf.instances]
    assert edited(judged, after, fifo=FIFO, user="hakeeper") == after, "the second time nothing"


def test_the_corpus_has_many_such_files() -> None:
    assert len(PLAIN) > 100
