"""Pairs as tutorials have them, with the FIFO line added and little else."""

from tests.corpus.setup import YAML, SetUp, shell
from tests.corpus.setups.common import LINE, OK_SCRIPT, peer

HAPROXY = "cp /usr/bin/sleep /run/haproxy; setsid /run/haproxy 600 >/dev/null 2>&1 </dev/null &"
"""A process of the name that is looked for."""
HERE = shell(f"ip address add 203.0.113.10/32 dev eth0; {HAPROXY}")
"""The floating IP in the server's own network configuration, as Hetzner's documentation has it."""
NOTIFY = """\
#!/bin/bash
# Assign the floating IP to this server.
IP='203.0.113.10'
n=0
while [ $n -lt 10 ]; do
    /usr/local/bin/hcloud-assign "$IP" >/dev/null 2>&1 && break
    n=$((n+1))
    sleep 3
done
"""


def hetzner(state: str, priority: int, extra_global: str = "", vips: str = "") -> str:
    """Return the tutorial's file of one server."""
    return f"""\
global_defs {{
    {LINE}
    {extra_global}
}}

vrrp_script chk_web {{
    script "/usr/bin/pgrep haproxy"
    interval 2
    weight -101
}}

vrrp_instance VI_1 {{
    interface enp7s0
    state {state}
    priority {priority}

    virtual_router_id 30
    unicast_src_ip 10.0.0.2
    unicast_peer {{
        10.0.0.3
    }}

    authentication {{
        auth_type PASS
        auth_pass q4fL9zKp2sVe
    }}

    track_script {{
        chk_web
    }}
    {vips}
    notify_master /etc/keepalived/failover.sh
}}
"""


FILES = {"/etc/keepalived/failover.sh": NOTIFY}
AUTH = "authentication {\n        auth_type PASS\n        auth_pass q4fL9zKp2sVe\n    }"

SETUPS = (
    SetUp(
        name="hetzner-tutorial-master",
        as_service=True,
        about="Hetzner's tutorial, the master's file, and the FIFO line; the address is static.",
        conf=hetzner("MASTER", 200),
        files=FILES,
        before=HERE,
        again=True,
    ),
    SetUp(
        name="hetzner-tutorial-backup",
        about="The other server's file of the same; a master is there, and stops.",
        conf=hetzner("BACKUP", 100),
        files=FILES,
        before=HERE,
        peer=peer(vrid=30, vip="", authentication=AUTH),
    ),
    SetUp(
        name="hetzner-tutorial-address-nowhere",
        as_service=True,
        about="The tutorial without its step of configuring the address on the servers.",
        conf=hetzner("MASTER", 200),
        files=FILES,
    ),
    SetUp(
        name="hetzner-tutorial-reload-check",
        as_service=True,
        about="The tutorial with reload_check_config: keepalived does not start.",
        conf=hetzner("MASTER", 200, "enable_dbus\n    reload_check_config"),
        files=FILES,
        before=HERE,
    ),
    SetUp(
        name="hetzner-tutorial-vip",
        is_wide=True,
        about="The tutorial with a VIP, which replaces the static address.",
        conf=hetzner("BACKUP", 100, vips="virtual_ipaddress {\n        203.0.113.10\n    }"),
        files=FILES,
    ),
    SetUp(
        name="hetzner-tutorial-static-and-vip",
        is_wide=True,
        about="Address in the server's network configuration and as a VIP as well.",
        conf=hetzner(
            "MASTER",
            200,
            "enable_dbus",
            "virtual_ipaddress {\n        203.0.113.10/32 dev eth0\n    }",
        ),
        files=FILES,
        before=HERE,
    ),
    SetUp(
        name="haproxy-tutorial-not-running",
        as_service=True,
        about="pidof without a weight, and no haproxy: FAULT.",
        conf=f"""\
global_defs {{
    {LINE}
}}
vrrp_script chk_haproxy {{
    script "pidof haproxy"
    interval 2
}}
vrrp_instance VI_1 {{
    interface enp7s0
    state MASTER
    priority 200
    virtual_router_id 33
    unicast_src_ip 10.0.0.2
    unicast_peer {{
        10.0.0.3
    }}
    authentication {{
        auth_type PASS
        auth_pass s3cr3t
    }}
    track_script {{
        chk_haproxy
    }}
    virtual_ipaddress {{
        203.0.113.10
    }}
    notify_master /etc/keepalived/master.sh
}}
""",
        files={"/etc/keepalived/master.sh": NOTIFY},
    ),
    SetUp(
        name="nginx-curl-check",
        about="A check of a web page with quotes, a pipe and braces in quotes; it succeeds.",
        conf=f"""\
global_defs {{
    router_id web_a
    {LINE}
    script_user root
    enable_script_security
}}

vrrp_script chk_nginx {{
    script "/bin/sh -c 'echo {{ok}} | grep -q \\"{{ok}}\\"'"
    interval 1
    timeout 3
    fall 2   # two failures
    rise 1
}}

vrrp_instance VI_1 {{
    state BACKUP
    interface enp7s0
    virtual_router_id 51
    priority 150
    nopreempt
    advert_int 1
    unicast_src_ip 10.0.0.2
    unicast_peer {{ 10.0.0.3 }}
    authentication {{
        auth_type PASS
        auth_pass 1111
    }}
    virtual_ipaddress {{
        203.0.113.10/32 dev eth0 label eth0:1
    }}
    track_script {{
        chk_nginx
    }}
}}
""",
    ),
    SetUp(
        name="kubernetes-apiserver",
        about="The load balancer of a control plane, with unicast.",
        conf=f"""\
! /etc/keepalived/keepalived.conf
! Configuration File for keepalived
global_defs {{
    router_id LVS_DEVEL
    {LINE}
}}
vrrp_script check_apiserver {{
  script "/etc/keepalived/check_apiserver.sh"
  interval 3
  weight -2
  fall 10
  rise 2
}}

vrrp_instance VI_1 {{
    state MASTER
    interface enp7s0
    virtual_router_id 51
    priority 101
    unicast_src_ip 10.0.0.2
    unicast_peer {{
        10.0.0.3
        10.0.0.4
    }}
    authentication {{
        auth_type PASS
        auth_pass 42
    }}
    virtual_ipaddress {{
        203.0.113.10/32 dev eth0
    }}
    track_script {{
        check_apiserver
    }}
}}
""",
        files={"/etc/keepalived/check_apiserver.sh": OK_SCRIPT},
    ),
    SetUp(
        name="kubernetes-apiserver-multicast",
        about="The same as it is published: multicast, which Hetzner's network does not carry.",
        conf=f"""\
global_defs {{
    router_id LVS_DEVEL
    {LINE}
}}
vrrp_instance VI_1 {{
    state BACKUP
    interface enp7s0
    virtual_router_id 51
    priority 100
    authentication {{
        auth_type PASS
        auth_pass 42
    }}
    virtual_ipaddress {{
        203.0.113.10/32 dev eth0
    }}
}}
""",
        peer=peer(
            vrid=51,
            unicast=False,
            authentication="authentication {\n        auth_type PASS\n        auth_pass 42\n    }",
        ),
    ),
    SetUp(
        name="readme-all-lines",
        as_service=True,
        about="What hakeeper's own README asks for.",
        conf=f"""\
global_defs {{
    {LINE}
    enable_dbus
    reload_check_config
    vrrp_higher_prio_send_advert
}}
vrrp_instance VI_1 {{
    state BACKUP
    interface enp7s0
    virtual_router_id 60
    priority 100
    unicast_src_ip 10.0.0.2
    unicast_peer {{
        10.0.0.3
    }}
    virtual_ipaddress {{
        203.0.113.10/32 dev eth0
    }}
}}
""",
        yaml=YAML + "    vrrp_address: 10.0.0.2\n",
        again=True,
    ),
)
