"""What many set-ups have in common: a plain keepalived.conf that works, in pieces."""

LINE = "vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper"
VIP = "203.0.113.10/32 dev eth0"
OK_SCRIPT = "#!/bin/sh\nexit 0\n"


def global_defs(*lines: str, line: str = LINE) -> str:
    """Return the block with the FIFO line."""
    inner = "".join(f"    {each}\n" for each in (line, *lines) if each)
    return f"global_defs {{\n{inner}}}\n"


def instance(
    *lines: str, name: str = "VI_1", vips: str = VIP, fast: bool = True, peers: str = "10.0.0.3"
) -> str:
    """Return an instance; a fast one speaks VRRPv3 ten times a second."""
    speed = "    version 3\n    advert_int 0.1\n" if fast else "    advert_int 1\n"
    inner = "".join(f"    {each}\n" for each in lines)
    return f"""\
vrrp_instance {name} {{
    state BACKUP
    interface enp7s0
    virtual_router_id 60
    priority 100
{speed}    unicast_src_ip 10.0.0.2
    unicast_peer {{
        {peers}
    }}
    virtual_ipaddress {{
        {vips}
    }}
{inner}}}
"""


PLAIN = global_defs() + instance()
SLOW = global_defs() + instance(fast=False)


def peer(
    *,
    vrid: int = 60,
    fast: bool = False,
    unicast: bool = True,
    vip: str = VIP,
    authentication: str = "",
) -> str:
    """Return the other server's file; it is MASTER as long as it runs."""
    speed = "version 3\n    advert_int 0.1" if fast else "advert_int 1"
    addresses = "unicast_src_ip 10.0.0.3\n    unicast_peer {\n        10.0.0.2\n    }"
    vips = f"virtual_ipaddress {{\n        {vip}\n    }}" if vip else ""
    return f"""\
vrrp_instance OTHER {{
    state MASTER
    interface enp7s0
    virtual_router_id {vrid}
    priority 250
    {speed}
    {addresses if unicast else ""}
    {authentication}
    {vips}
}}
"""
