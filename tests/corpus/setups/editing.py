"""What is changed while keepalived runs, and acts at its next start."""

from corpus.setup import CONF, SetUp, conf, shell
from corpus.setups.common import LINE, SLOW, global_defs, instance

NO_LINE = global_defs(line="enable_dbus") + instance(fast=False)
WITH_DBUS = global_defs("enable_dbus") + instance(fast=False)
FIFO = "/run/hakeeper/notify.fifo"
RELOAD = "kill -HUP $(cat /run/keepalived.pid)"
RECREATE = f"rm {FIFO}; mkfifo -m 0600 {FIFO}; chown hakeeper:hakeeper {FIFO}"

SETUPS = (
    SetUp(
        name="line-added-not-reloaded",
        about="The line was added, and keepalived runs on without it.",
        conf=NO_LINE,
        later=conf(CONF, WITH_DBUS),
    ),
    SetUp(
        name="line-added-and-reloaded",
        about="The line was added, and keepalived reloaded.",
        conf=NO_LINE,
        later=lambda server: (conf(CONF, WITH_DBUS)(server), shell(RELOAD)(server)),
    ),
    SetUp(
        name="line-removed-not-reloaded",
        about="The line is gone from the file, and keepalived still writes.",
        conf=WITH_DBUS,
        later=conf(CONF, NO_LINE),
    ),
    SetUp(
        name="broken-after-start",
        about="A brace was lost in an edit: the next start has no instance.",
        conf=WITH_DBUS,
        later=conf(CONF, WITH_DBUS.replace("}\nvrrp_instance", "\nvrrp_instance")),
    ),
    SetUp(
        name="renamed-after-start",
        about="The instance got another name in the file.",
        conf=WITH_DBUS,
        later=conf(CONF, WITH_DBUS.replace("VI_1", "VI_WEB")),
    ),
    SetUp(
        name="repaired-after-start",
        about="The user on the line was wrong, and is right in the file now.",
        conf=WITH_DBUS.replace("fifo hakeeper", "fifo hakeepr"),
        later=conf(CONF, WITH_DBUS),
    ),
    SetUp(
        name="name-repaired-after-start",
        about="The instance's name was wrong, and is right in the file now.",
        conf=WITH_DBUS.replace("VI_1", "VI_WEB"),
        later=conf(CONF, WITH_DBUS),
    ),
    SetUp(
        name="reload-check-added-after-start",
        about="reload_check_config was added to a file with remarks, and nothing restarted.",
        conf=WITH_DBUS + "vrrp_script old {\n    script /usr/bin/true\n}\n",
        later=conf(
            CONF,
            WITH_DBUS.replace(LINE, f"{LINE}\n    reload_check_config")
            + "vrrp_script old {\n    script /usr/bin/true\n}\n",
        ),
    ),
    SetUp(
        name="vip-removed-after-start",
        about="The VIP is gone from the file.",
        conf=WITH_DBUS,
        later=conf(CONF, WITH_DBUS.replace("203.0.113.10", "203.0.113.99")),
    ),
    SetUp(
        name="fifo-recreated",
        about="The FIFO was made anew while keepalived runs: it writes into the old one.",
        conf=WITH_DBUS,
        later=shell(RECREATE),
    ),
    SetUp(
        name="fifo-recreated-without-dbus",
        about="The same where keepalived can't be asked.",
        conf=SLOW,
        later=shell(RECREATE),
    ),
    SetUp(
        name="fifo-recreated-and-reloaded",
        about="The FIFO was made anew, and keepalived reloaded.",
        conf=WITH_DBUS,
        later=shell(f"{RECREATE}; {RELOAD}"),
    ),
    SetUp(
        name="remark-added-after-start",
        about="An edit that changes nothing.",
        conf=WITH_DBUS,
        later=conf(CONF, "# checked\n" + WITH_DBUS),
    ),
    SetUp(
        name="include-deleted-after-start",
        about="The included file with the instance was deleted.",
        conf=global_defs("enable_dbus") + "include vi.conf\n",
        files={"/etc/keepalived/vi.conf": instance(fast=False)},
        later=shell("rm /etc/keepalived/vi.conf"),
    ),
    SetUp(
        name="vip-deleted-by-hand",
        about="VIP and line are right; an address on lo is deleted that nobody needs.",
        conf=WITH_DBUS,
        before=shell("ip address add 192.0.2.99/32 dev lo"),
        later=shell("ip address del 192.0.2.99/32 dev lo"),
    ),
)
