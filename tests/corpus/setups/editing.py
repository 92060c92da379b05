"""What is changed while keepalived runs, and acts at its next start."""

from tests.corpus.setup import CONF, SetUp, conf, shell
from tests.corpus.setups.common import LINE, global_defs, instance

NO_LINE = global_defs(line="enable_dbus") + instance(fast=False)
WITH_DBUS = global_defs("enable_dbus") + instance(fast=False)
FIFO = "/run/hakeeper/notify.fifo"
RELOAD = "kill -HUP $(cat /run/keepalived.pid)"
RECREATE = f"rm {FIFO}; mkfifo -m 0600 {FIFO}; chown hakeeper:hakeeper {FIFO}"

UNTIL_VIP = "until ip address show dev eth0 | grep -q 203.0.113.10; do sleep 0.05; done; "

SETUPS = (
    SetUp(
        name="line-added-not-reloaded",
        as_service=True,
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
        as_service=True,
        about="The line is gone from the file, and keepalived still writes.",
        conf=WITH_DBUS,
        later=conf(CONF, NO_LINE),
    ),
    SetUp(
        name="value-lost-above",
        about="A value was lost in an edit: the next start stops reading before the instance.",
        conf=WITH_DBUS,
        later=conf(
            CONF,
            WITH_DBUS.replace("vrrp_instance", "vrrp_script chk {\n    interval\n}\nvrrp_instance"),
        ),
    ),
    SetUp(
        name="broken-after-start",
        about="A brace was lost in an edit: the next start has no instance.",
        conf=WITH_DBUS,
        later=conf(CONF, WITH_DBUS.replace("}\nvrrp_instance", "\nvrrp_instance")),
    ),
    SetUp(
        name="broken-and-reloaded",
        about="The same, and keepalived was reloaded: it goes on without the instance.",
        conf=WITH_DBUS,
        later=lambda server: (
            conf(CONF, WITH_DBUS.replace("}\nvrrp_instance", "\nvrrp_instance"))(server),
            shell(RELOAD)(server),
        ),
    ),
    SetUp(
        name="renamed-after-start",
        is_wide=True,
        about="The instance got another name in the file.",
        conf=WITH_DBUS,
        later=conf(CONF, WITH_DBUS.replace("VI_1", "VI_WEB")),
    ),
    SetUp(
        name="repaired-after-start",
        is_wide=True,
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
        as_service=True,
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
        name="fifo-recreated-hakeeper-restarted",
        as_service=True,
        about="And hakeeper was started anew: it reads the new one, which nobody writes into.",
        conf=WITH_DBUS,
        later=shell(RECREATE),
        is_hakeeper_restarted=True,
    ),
    SetUp(
        name="vip-deleted-by-hand",
        is_wide=True,
        about="The VIP is taken off the MASTER: keepalived goes back, and becomes MASTER again.",
        conf=WITH_DBUS.replace("advert_int 1", "version 3\n    advert_int 0.1"),
        later=shell(UNTIL_VIP + "ip address del 203.0.113.10/32 dev eth0"),
    ),
    SetUp(
        name="vip-vanishes",
        about="With no_track the VIP is gone, and the MASTER stays.",
        conf=WITH_DBUS.replace("advert_int 1", "version 3\n    advert_int 0.1").replace(
            "dev eth0", "dev eth0 no_track"
        ),
        later=shell(UNTIL_VIP + "ip address del 203.0.113.10/32 dev eth0"),
    ),
    SetUp(
        name="fifo-recreated-and-reloaded",
        about="The FIFO was made anew, and keepalived reloaded.",
        conf=WITH_DBUS,
        later=shell(f"{RECREATE}; {RELOAD}"),
    ),
    SetUp(
        name="remark-added-after-start",
        is_wide=True,
        about="An edit that changes nothing.",
        conf=WITH_DBUS,
        later=conf(CONF, "# checked\n" + WITH_DBUS),
    ),
    SetUp(
        name="include-deleted-after-start",
        is_wide=True,
        about="The included file with the instance was deleted.",
        conf=global_defs("enable_dbus") + "include vi.conf\n",
        files={"/etc/keepalived/vi.conf": instance(fast=False)},
        later=shell("rm /etc/keepalived/vi.conf"),
    ),
    SetUp(
        name="fifo-renamed",
        is_wide=True,
        as_service=True,
        about="The FIFO was renamed, and another one made: both are read.",
        conf=WITH_DBUS,
        later=shell(f"mv {FIFO} {FIFO}.old; mkfifo -m 0600 {FIFO}; chown hakeeper: {FIFO}"),
    ),
    SetUp(
        name="vip-removed-after-start-without-dbus",
        is_wide=True,
        as_service=True,
        about="The VIP is gone from the file; only the daemon knows that it is MASTER.",
        conf=WITH_DBUS.replace("enable_dbus", ""),
        later=conf(CONF, WITH_DBUS.replace("203.0.113.10", "203.0.113.99")),
    ),
    SetUp(
        name="vip-of-another-file-and-static",
        is_wide=True,
        as_service=True,
        about="The file was changed; the address is here for good.",
        conf=WITH_DBUS.replace("203.0.113.10", "203.0.113.99"),
        before=shell("ip address add 203.0.113.10/32 dev eth0"),
        later=conf(CONF, "# checked\n" + WITH_DBUS.replace("203.0.113.10", "203.0.113.98")),
    ),
    SetUp(
        name="killed",
        is_wide=True,
        as_service=True,
        about="keepalived was killed.",
        conf=WITH_DBUS,
        later=shell("kill -KILL $(cat /run/keepalived.pid)"),
    ),
    SetUp(
        name="virtual-server-added-after-start",
        is_wide=True,
        as_service=True,
        about="A virtual server was added, and the kernel has no IPVS.",
        conf=WITH_DBUS,
        later=conf(
            CONF,
            WITH_DBUS + "virtual_server 203.0.113.10 443 {\n    lb_algo rr\n    lb_kind NAT\n"
            "    protocol TCP\n    real_server 10.0.0.21 443 {\n        TCP_CHECK {\n        }\n"
            "    }\n}\n",
        ),
    ),
    SetUp(
        name="link-lost-after-start",
        is_wide=True,
        as_service=True,
        about="The private interface went down: FAULT, now and later.",
        conf=WITH_DBUS,
        later=shell("ip link set enp7s0 down"),
    ),
)
