"""Files as distributions ship them, completed."""

from tests.corpus.setup import SetUp
from tests.corpus.setups.common import LINE

SETUPS = (
    SetUp(
        name="rhel-default-with-instance",
        about="A RHEL-like default file: mail settings, and vrrp_strict, which forbids unicast.",
        conf=f"""\
! Configuration File for keepalived

global_defs {{
   notification_email {{
     root@example.com
     ops@example.com
   }}
   notification_email_from keepalived@example.com
   smtp_server 192.168.200.1
   smtp_connect_timeout 30
   router_id LVS_DEVEL
   vrrp_skip_check_adv_addr
   vrrp_strict
   vrrp_garp_interval 0
   vrrp_gna_interval 0
   {LINE}
}}

vrrp_instance VI_1 {{
    state MASTER
    interface enp7s0
    virtual_router_id 51
    priority 100
    advert_int 1
    unicast_src_ip 10.0.0.2
    unicast_peer {{
        10.0.0.3
    }}
    authentication {{
        auth_type PASS
        auth_pass 1111
    }}
    virtual_ipaddress {{
        203.0.113.10/32 dev eth0
    }}
}}
""",
    ),
    SetUp(
        name="rhel-default-not-strict",
        about="The same without vrrp_strict, with smtp_alert and virtual servers; no IPVS here.",
        conf=f"""\
! Configuration File for keepalived

global_defs {{
   notification_email {{
     root@example.com
   }}
   notification_email_from keepalived@example.com
   smtp_server 127.0.0.1
   smtp_connect_timeout 2
   router_id LVS_DEVEL
   {LINE}
}}

vrrp_instance VI_1 {{
    state MASTER
    interface enp7s0
    virtual_router_id 51
    priority 100
    advert_int 1
    smtp_alert
    unicast_src_ip 10.0.0.2
    unicast_peer {{
        10.0.0.3
    }}
    authentication {{
        auth_type PASS
        auth_pass 1111
    }}
    virtual_ipaddress {{
        203.0.113.10 dev eth0
    }}
}}

virtual_server 203.0.113.10 443 {{
    delay_loop 6
    lb_algo rr
    lb_kind NAT
    persistence_timeout 50
    protocol TCP

    real_server 10.0.0.21 443 {{
        weight 1
        SSL_GET {{
            url {{
              path /
              digest ff20ad2481f97b1754ef3e12ecd3a9cc
            }}
            connect_timeout 3
            retry 3
            delay_before_retry 3
        }}
    }}
}}
""",
    ),
    SetUp(
        name="debian-sample-vrrp",
        about="After Debian's sample for VRRP: interface on the instance, garp delays, a label.",
        conf=f"""\
# Configuration File for keepalived
global_defs {{
    notification_email {{
        admin@example.org
    }}
    notification_email_from keepalived@example.org
    smtp_server 127.0.0.1
    smtp_connect_timeout 30
    router_id my_hostname
    {LINE}
}}
vrrp_instance VI_1 {{
    interface enp7s0
    state MASTER
    virtual_router_id 50
    priority 100
    garp_master_delay 10
    smtp_alert
    unicast_src_ip 10.0.0.2
    unicast_peer {{
        10.0.0.3
    }}
    virtual_ipaddress {{
        203.0.113.10/32 dev eth0 label eth0:vip
    }}
    notify_master "/bin/echo master"
    notify_backup "/bin/echo backup"
}}
""",
    ),
)
