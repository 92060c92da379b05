"""The FIFO line, and what is at its path."""

from tests.corpus.setup import SetUp, shell
from tests.corpus.setups.common import LINE, PLAIN, SLOW, global_defs, instance

PATH = "/run/hakeeper/notify.fifo"
READER = '#!/bin/sh\nwhile read line; do echo "$line" >>/run/reader.log; done <"$1"\n'


def line(text: str, *more: str) -> str:
    """Return a file with this FIFO line."""
    return global_defs(*more, line=text) + instance()


def without_user(name: str, about: str, *first: str) -> SetUp:
    """Return a set-up whose FIFO line names no user."""
    block = global_defs(f"vrrp_notify_fifo {PATH}", line=first[0] if first else "")
    return SetUp(name=name, about=about, conf=block + instance())


SETUPS = (
    SetUp(
        name="fifo-var-run",
        about="/var/run leads to /run: the same FIFO.",
        conf=line(f"vrrp_notify_fifo /var{PATH} hakeeper"),
    ),
    SetUp(
        name="fifo-by-a-linked-folder",
        is_wide=True,
        about="The folder is a symbolic link to the right one.",
        conf=line("vrrp_notify_fifo /run/ha/notify.fifo hakeeper"),
        before=shell("ln -s hakeeper /run/ha"),
    ),
    SetUp(
        name="fifo-is-a-link",
        about="The path itself is a symbolic link, which keepalived does not follow.",
        conf=line("vrrp_notify_fifo /run/notify.fifo hakeeper"),
        before=shell(f"ln -s {PATH} /run/notify.fifo"),
    ),
    SetUp(
        name="fifo-double-slash",
        is_wide=True,
        about="A slash too many in the path.",
        conf=line("vrrp_notify_fifo /run//hakeeper/./notify.fifo hakeeper"),
    ),
    SetUp(
        name="fifo-trailing-slash",
        about="A slash at the end names a folder.",
        conf=line(f"vrrp_notify_fifo {PATH}/ hakeeper"),
    ),
    SetUp(
        name="fifo-other-path",
        about="keepalived writes into another FIFO.",
        conf=line("vrrp_notify_fifo /run/keepalived.fifo hakeeper"),
    ),
    SetUp(
        name="fifo-relative",
        about="A path without a slash at its beginning.",
        conf=line("vrrp_notify_fifo run/hakeeper/notify.fifo hakeeper"),
    ),
    SetUp(
        name="fifo-other-path-in-both",
        is_wide=True,
        about="Both files name the same other path.",
        conf=line("vrrp_notify_fifo /run/ha.fifo hakeeper"),
        before=shell("mkfifo -m 0600 /run/ha.fifo; chown hakeeper /run/ha.fifo"),
        yaml="instances: {VI_1: {floating_ips: [web]}}\nkeepalived: {fifo: /run/ha.fifo}\n",
    ),
    without_user("fifo-no-user", "Without a user, and without script security."),
    without_user(
        "fifo-no-user-security-before",
        "Without a user; script security before it drops the FIFO.",
        "enable_script_security",
    ),
    without_user(
        "fifo-no-user-script-user-before",
        "Without a user; script_user before it stands in.",
        "script_user root\n    enable_script_security",
    ),
    SetUp(
        name="fifo-no-user-script-user-after",
        about="script_user comes too late for the FIFO line.",
        conf=global_defs(
            f"vrrp_notify_fifo {PATH}", "script_user root", line="enable_script_security"
        )
        + instance(),
    ),
    SetUp(
        name="fifo-unknown-user",
        about="A user that does not exist.",
        conf=line(f"vrrp_notify_fifo {PATH} hakeepr"),
    ),
    SetUp(
        name="fifo-unknown-group",
        as_service=True,
        about="A group that does not exist.",
        conf=line(f"vrrp_notify_fifo {PATH} hakeeper hakeepers"),
    ),
    SetUp(
        name="fifo-user-and-group",
        is_wide=True,
        about="User and group.",
        conf=line(f"vrrp_notify_fifo {PATH} hakeeper hakeeper"),
    ),
    SetUp(
        name="fifo-root",
        about="root, though the FIFO is hakeeper's: 2.2.7 takes what is there.",
        conf=line(f"vrrp_notify_fifo {PATH} root"),
    ),
    SetUp(
        name="fifo-numeric-user",
        about="A number is not taken for a user.",
        conf=line(f"vrrp_notify_fifo {PATH} 990"),
    ),
    SetUp(
        name="fifo-nobody",
        is_wide=True,
        about="Another user that exists.",
        conf=line(f"vrrp_notify_fifo {PATH} nobody"),
    ),
    SetUp(
        name="fifo-general",
        about="notify_fifo instead of vrrp_notify_fifo: the same lines.",
        conf=line(f"notify_fifo {PATH} hakeeper"),
    ),
    SetUp(
        name="fifo-general-and-own",
        is_wide=True,
        about="notify_fifo leads elsewhere, vrrp_notify_fifo to us.",
        conf=line("notify_fifo /run/other.fifo root", LINE),
    ),
    SetUp(
        name="fifo-both-to-us",
        is_wide=True,
        about="Both lines name our FIFO.",
        conf=line(f"notify_fifo {PATH} hakeeper", LINE),
    ),
    SetUp(
        name="fifo-lvs",
        is_wide=True,
        about="lvs_notify_fifo is for virtual servers.",
        conf=line(f"lvs_notify_fifo {PATH} hakeeper"),
    ),
    SetUp(
        name="fifo-script-eats-the-lines",
        as_service=True,
        about="A script of keepalived's reads the same FIFO.",
        conf=line(LINE, "vrrp_notify_fifo_script /etc/keepalived/reader.sh root"),
        files={"/etc/keepalived/reader.sh": READER},
    ),
    SetUp(
        name="fifo-script-on-another",
        is_wide=True,
        about="The script reads the general FIFO, and ours is ours.",
        conf=line(
            LINE,
            "notify_fifo /run/other.fifo root",
            "notify_fifo_script /etc/keepalived/reader.sh root",
        ),
        files={"/etc/keepalived/reader.sh": READER},
    ),
    SetUp(
        name="fifo-other-reader",
        as_service=True,
        about="Somebody's own program reads the FIFO as well.",
        conf=SLOW,
        before=shell(f"setsid sh -c 'exec cat <>{PATH} >/dev/null' >/dev/null 2>&1 </dev/null &"),
    ),
    SetUp(
        name="fifo-line-outside",
        about="The line stands outside of global_defs.",
        conf=LINE + "\n" + global_defs(line="") + instance(),
    ),
    SetUp(
        name="fifo-line-in-the-instance",
        is_wide=True,
        about="The line stands in the instance.",
        conf=global_defs(line="") + instance(LINE),
    ),
    SetUp(name="fifo-line-twice", about="The same line twice.", conf=line(LINE, LINE)),
    SetUp(
        name="fifo-two-paths",
        is_wide=True,
        about="Another path first, ours second: keepalived keeps the first.",
        conf=line("vrrp_notify_fifo /run/first.fifo root", LINE),
    ),
    SetUp(
        name="fifo-second-global-defs",
        is_wide=True,
        about="The line stands in a second global_defs, below.",
        conf=global_defs(line="router_id a") + instance() + global_defs(),
    ),
    SetUp(
        name="fifo-commented-out",
        is_wide=True,
        about="The line is a remark.",
        conf=line(f"# {LINE}", "enable_dbus"),
    ),
    SetUp(
        name="fifo-is-a-file",
        is_wide=True,
        about="Somebody has made a file where the FIFO should be.",
        conf=PLAIN,
        before=shell(f"rm {PATH}; touch {PATH}"),
    ),
    SetUp(
        name="fifo-of-root",
        as_service=True,
        about="The FIFO belongs to root, who alone may read it.",
        conf=PLAIN,
        before=shell(f"chown root {PATH}"),
    ),
    SetUp(
        name="fifo-made-by-keepalived",
        about="There was none: keepalived makes it, for the user on the line.",
        conf=PLAIN,
        before=shell(f"rm {PATH}"),
        again=True,
    ),
)
