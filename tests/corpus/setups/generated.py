"""Files as distributions ship them, and as other programs write them."""

from corpus.setup import SetUp, shell
from corpus.setups.common import LINE, OK_SCRIPT

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
    SetUp(
        name="kolla-style",
        about="As an OpenStack deployment tool writes it, with a long password and unicast.",
        conf=f"""\
global_defs {{
    {LINE}
}}

vrrp_script check_alive {{
    script "/check_alive.sh"
    interval 2
    fall 2
    rise 1
}}

vrrp_instance cloud_internal_vip_51 {{
    state BACKUP
    nopreempt
    interface enp7s0
    virtual_router_id 51
    priority 40
    advert_int 1
    unicast_src_ip 10.0.0.2
    unicast_peer {{
        10.0.0.3
    }}
    virtual_ipaddress {{
        203.0.113.10 dev eth0
    }}
    authentication {{
        auth_type PASS
        auth_pass wYb3Xq0PzL8rT5nAe2Kd
    }}
    track_script {{
        check_alive
    }}
}}
""",
        files={"/etc/keepalived/check_alive.sh": OK_SCRIPT},
        before=shell(
            "mount -t tmpfs none /mnt; cp /etc/keepalived/check_alive.sh /mnt/;"
            " sed -i s,/check_alive.sh,/mnt/check_alive.sh, /etc/keepalived/keepalived.conf"
        ),
        yaml="instances: {cloud_internal_vip_51: {floating_ips: [web]}}\n",
    ),
    SetUp(
        name="router-agent-style",
        about="As a network agent writes it for a router: excluded addresses, routes, advert_int 2.",
        conf=f"""\
global_defs {{
    notification_email_from agent@cloud.local
    router_id agent
    {LINE}
}}
vrrp_instance VR_1 {{
    state BACKUP
    interface enp7s0
    virtual_router_id 1
    priority 50
    garp_master_delay 60
    nopreempt
    advert_int 2
    track_interface {{
        enp7s0
    }}
    unicast_src_ip 10.0.0.2
    unicast_peer {{
        10.0.0.3
    }}
    virtual_ipaddress {{
        169.254.0.1/24 dev enp7s0
    }}
    virtual_ipaddress_excluded {{
        203.0.113.10/32 dev eth0
        fe80::f816:3eff:fe45:fef2/64 dev eth0 scope link
    }}
    virtual_routes {{
        192.0.2.128/25 via 10.0.0.1 dev enp7s0 protocol static
    }}
}}
""",
        yaml="instances:\n  VR_1: {floating_ips: [web]}\n",
        settle_s=9.0,
    ),
    SetUp(
        name="amphora-style",
        about="As a load balancer service writes it: an id as name, rules and routes.",
        conf=f"""\
global_defs {{
    {LINE}
    vrrp_check_unicast_src
}}
vrrp_script check_script {{
  script /var/lib/check.sh
  interval 5
  fall 2
  rise 2
}}

vrrp_instance 8a7d3f0e5c2b4d6f9e1a0b7c6d5e4f30 {{
  state BACKUP
  interface enp7s0
  virtual_router_id 1
  priority 90
  nopreempt
  accept
  garp_master_refresh 5
  garp_master_refresh_repeat 2
  advert_int 1
  authentication {{
    auth_type PASS
    auth_pass 9f8e7d6
  }}

  unicast_src_ip 10.0.0.2
  unicast_peer {{
    10.0.0.3

  }}

  virtual_ipaddress {{
    203.0.113.10 dev eth0
  }}
  virtual_routes {{
    0.0.0.0/0 via 198.51.100.1 dev eth0 onlink table 1
  }}
  virtual_rules {{
    from 203.0.113.10/32 table 1 priority 100
  }}
  track_script {{
    check_script
  }}
}}
""",
        files={"/var/lib/check.sh": OK_SCRIPT},
        yaml="instances: {8a7d3f0e5c2b4d6f9e1a0b7c6d5e4f30: {floating_ips: [203.0.113.10]}}\n",
        settle_s=9.0,
    ),
    SetUp(
        name="router-os-style",
        about="As a router's configuration system writes it: its own FIFO beside ours, sync group.",
        conf=f"""\
# Autogenerated. Do not edit this file, your changes will be lost.

global_defs {{
    dynamic_interfaces
    script_user root
    notify_fifo /run/router/notify_fifo
    notify_fifo_script /usr/bin/cat
    {LINE}
}}

vrrp_instance lan {{
    ! description "inside"
    state BACKUP
    interface enp7s0
    virtual_router_id 10
    priority 200
    advert_int 1
    preempt_delay 0
    unicast_peer {{
        10.0.0.3
    }}
    unicast_src_ip 10.0.0.2
    virtual_ipaddress {{
        10.0.5.1/32
    }}
}}
vrrp_instance wan {{
    state BACKUP
    interface enp7s0
    virtual_router_id 11
    priority 200
    advert_int 1
    preempt_delay 0
    unicast_peer {{
        10.0.0.3
    }}
    unicast_src_ip 10.0.0.2
    virtual_ipaddress {{
        203.0.113.10/32 dev eth0
    }}
}}

vrrp_sync_group MAIN {{
    group {{
        lan
        wan
    }}
    notify_master "/usr/bin/true MAIN"
}}
""",
        before=shell("mkdir /run/router"),
        yaml="groups: {MAIN: {floating_ips: [web]}}\n",
    ),
    SetUp(
        name="ansible-role-style",
        about="As a role writes it: a header, empty lines, quoted names, empty sections.",
        conf=f"""\
#
# Ansible managed
#



global_defs {{
    router_id "web-a"

    enable_script_security
    script_user nobody


    {LINE} hakeeper
    enable_dbus
}}


vrrp_script chk_true {{
    script "/usr/bin/true"
    interval 5
    weight   2
}}



vrrp_instance "external" {{

    state BACKUP
    interface enp7s0
    virtual_router_id  42

    priority  90
    advert_int 1

    authentication {{
        auth_type PASS
        auth_pass "abcd1234"
    }}

    unicast_src_ip  10.0.0.2
    unicast_peer {{

        10.0.0.3

    }}
    virtual_ipaddress {{

        203.0.113.10/32 dev eth0 scope global

    }}

    track_script {{

        chk_true

    }}

}}


""",
        yaml="instances: {external: {floating_ips: [web]}}\n",
    ),
    SetUp(
        name="firewall-export-style",
        about="As a firewall exports it: several instances, IPv6 apart, one followed per family.",
        conf=f"""\
! generated 2026-11-01T04:00:01Z revision 118
global_defs {{
\trouter_id fw-1
\tvrrp_version 3
\tvrrp_iptables
\t{LINE}
}}
vrrp_instance wan_v4 {{
\tstate BACKUP
\tinterface enp7s0
\tvirtual_router_id 1
\tpriority 100
\tadvert_int 0.5
\tunicast_src_ip 10.0.0.2
\tunicast_peer {{
\t\t10.0.0.3
\t}}
\tvirtual_ipaddress {{
\t\t203.0.113.10/32 dev eth0
\t}}
\tvirtual_ipaddress_excluded {{
\t\t2001:db8:ffff::1/128 dev eth0
\t}}
}}
vrrp_instance lan_v4 {{
\tstate BACKUP
\tinterface enp7s0
\tvirtual_router_id 2
\tpriority 100
\tadvert_int 0.5
\tunicast_src_ip 10.0.0.2
\tunicast_peer {{
\t\t10.0.0.3
\t}}
\tvirtual_ipaddress {{
\t\t10.0.9.1/32 dev enp7s0
\t}}
}}
""",
        yaml="instances: {wan_v4: {floating_ips: [web, six]}}\n",
        floating_ips={"web": "203.0.113.10", "six": "2001:db8:ffff::/64"},
    ),
)
