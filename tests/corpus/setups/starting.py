"""How keepalived is started: other files, pid files, instances of it, buses."""

from tests.corpus.setup import CONF, SetUp, shell
from tests.corpus.setups.common import LINE, PLAIN, SLOW, global_defs, instance

OTHER = "/etc/keepalived/other.conf"


def yaml_with(pid_file: str) -> str:
    return f"instances: {{VI_1: {{floating_ips: [web]}}}}\nkeepalived: {{pid_file: {pid_file}}}\n"


SETUPS = (
    SetUp(
        name="start-with-another-file",
        about="-f names the file that counts; the usual one is somebody's old one.",
        conf=global_defs(line="") + instance(name="OLD"),
        files={OTHER: PLAIN},
        options=("-f", OTHER),
    ),
    SetUp(
        name="start-with-another-file-that-is-wrong",
        about="-f names a file without the line; the usual file has it.",
        conf=PLAIN,
        files={OTHER: global_defs(line="") + instance()},
        options=("--use-file", OTHER),
    ),
    SetUp(
        name="start-with-bundled-options",
        as_service=True,
        about="-f is the last of several options in one word.",
        conf=global_defs(line="") + instance(name="OLD"),
        files={OTHER: PLAIN},
        options=("-nlDf", OTHER),
    ),
    SetUp(
        name="start-with-an-equals-sign",
        is_wide=True,
        about="--use-file=FILE, in one word.",
        conf=global_defs(line="") + instance(name="OLD"),
        files={OTHER: PLAIN},
        options=(f"--use-file={OTHER}",),
    ),
    SetUp(
        name="start-vrrp-only",
        about="-P: VRRP without the checkers, so virtual servers without IPVS do no harm.",
        conf=PLAIN + "virtual_server 203.0.113.10 443 {\n"
        "    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n}\n",
        options=("-P",),
    ),
    SetUp(
        name="virtual-server-without-ipvs",
        is_wide=True,
        about="The same without -P: the checkers end, and all of keepalived with them.",
        conf=SLOW
        + "virtual_server 203.0.113.10 443 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n"
        "    real_server 10.0.0.21 443 {\n        TCP_CHECK {\n        }\n    }\n}\n",
    ),
    SetUp(
        name="start-checkers-only",
        about="-C: no VRRP at all.",
        conf=PLAIN,
        options=("-C",),
    ),
    SetUp(
        name="pid-file-elsewhere-told",
        is_wide=True,
        about="-p, and hakeeper.yaml says so.",
        conf=PLAIN,
        options=("-p", "/run/ka.pid"),
        yaml=yaml_with("/run/ka.pid"),
    ),
    SetUp(
        name="pid-file-elsewhere-not-told",
        as_service=True,
        about="-p, and hakeeper.yaml does not say so: lines are believed all the same.",
        conf=PLAIN,
        options=("--pid=/run/ka.pid",),
    ),
    SetUp(
        name="use-pid-dir-told",
        about="use_pid_dir puts the pid file into a folder; hakeeper.yaml says so.",
        conf="use_pid_dir\n" + PLAIN,
        yaml=yaml_with("/run/keepalived/keepalived.pid"),
    ),
    SetUp(
        name="use-pid-dir-not-told",
        is_wide=True,
        about="use_pid_dir, and hakeeper.yaml does not say so.",
        conf="use_pid_dir\n" + PLAIN,
    ),
    SetUp(
        name="keepalived-instance-told",
        is_wide=True,
        about="`instance NAME` changes the pid file's name.",
        conf=global_defs() + "instance left\n" + instance(),
        yaml=yaml_with("/run/keepalived/keepalived_left.pid"),
    ),
    SetUp(
        name="pid-file-told-wrong",
        about="hakeeper.yaml names a pid file that is not there; keepalived's is the usual one.",
        conf=PLAIN,
        yaml=yaml_with("/run/keepalived/left.pid"),
    ),
    SetUp(
        name="keepalived-instance-not-told",
        about="`instance NAME`, and hakeeper.yaml does not say where the pid file is.",
        conf="instance left\n" + global_defs() + instance(),
    ),
    SetUp(
        name="net-namespace",
        about="keepalived works in a network namespace of its own: its VIP is there, not here.",
        conf="net_namespace inner\n" + global_defs() + instance().replace("enp7s0", "ens8"),
        before=shell(
            "ip netns add inner; ip -n inner link add ens8 type veth peer name ens9;"
            " ip -n inner link set ens8 up; ip -n inner link set ens9 up;"
            " ip -n inner link add eth0 type veth peer name eth9; ip -n inner link set eth0 up;"
            " ip -n inner link set eth9 up;"
            " ip -n inner address add 10.0.0.2/24 dev ens8"
        ),
    ),
    SetUp(
        name="dbus-enabled",
        is_wide=True,
        as_service=True,
        about="With D-Bus, roles can be asked for.",
        conf=global_defs("enable_dbus") + instance(),
    ),
    SetUp(
        name="dbus-service-name",
        about="D-Bus under another name: it cannot be asked, the FIFO is enough.",
        conf=global_defs("enable_dbus", "dbus_service_name org.example.Vrrp") + instance(),
    ),
    SetUp(
        name="dbus-without-line",
        about="D-Bus only: a move would be noticed late.",
        conf=global_defs(line="enable_dbus") + instance(),
    ),
    SetUp(
        name="dbus-not-running",
        is_wide=True,
        about="enable_dbus, and no bus runs.",
        conf=global_defs("enable_dbus") + instance(),
        before=shell("kill $(pidof dbus-daemon); rm -f /run/dbus/system_bus_socket"),
    ),
    SetUp(
        name="startup-delay",
        is_wide=True,
        about="VRRP begins a second late.",
        conf=global_defs("vrrp_startup_delay 1") + instance(),
    ),
    SetUp(
        name="conf-not-there-at-the-next-start",
        about="The file is moved away while keepalived runs.",
        conf=SLOW,
        later=shell(f"mv {CONF} {CONF}.old"),
    ),
    SetUp(
        name="many-settings",
        is_wide=True,
        about="Settings that change nothing for us.",
        conf=global_defs(
            "router_id web-a",
            "max_auto_priority 50",
            "vrrp_no_swap",
            "vrrp_garp_master_delay 1",
            "vrrp_garp_master_refresh 60",
            "vrrp_garp_lower_prio_repeat 1",
            "vrrp_check_unicast_src",
            "enable_snmp_vrrp",
            "process_names",
            f"! {LINE}",
        )
        + instance(),
    ),
)
