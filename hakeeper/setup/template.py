"""The texts of new files. conf/keepalived/fast-web-*.conf show the same keepalived.conf."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address
from string import Template
from typing import Final

from hakeeper.adapters.cures import fifo_line
from hakeeper.config.yaml_surprises import is_null, meaning

_KEEPALIVED: Final = Template("""\
# keepalived.conf of $name, written by `hakeeper init`. It may be changed.
# Check it before you put it into force: hakeeper check --online --keepalived-conf FILE
#
# Lines that begin with `#nginx` are off. With them, a server whose nginx does not answer goes to
# FAULT, and so does a server without nginx. If both servers have nginx and curl, switch them on:
#
#     sed -i 's/^#nginx //' /etc/keepalived/keepalived.conf

global_defs {
    router_id $name
    # VRRP version 3: ten adverts a second, the peer takes over after 0.4 s.
    # Version 3 has no passwords: keep the private network private.
    vrrp_version 3

    # Scripts run as root, so only root may be able to change them. (With another user here,
    # `keepalived --config-test` of 2.2.7 exits before it has tested anything.)
    script_user root
    enable_script_security

    # With this line a broken file does not end a running keepalived at a reload. The price:
    # keepalived does not start if it has any remark about the file, such as a password that is too
    # long. So run `hakeeper check --online` before each restart.
    reload_check_config

    # The FIFO that hakeeper reads. Always name the user: without it, script security ignores the
    # line.
    $fifo_line

    # Lets hakeeper query the role after its own restart, or after lost lines.
    enable_dbus

    # A master that yields sends one more advert. Without it, the better node may not learn after a
    # split network that there were two masters, and may leave the address with the other node for
    # up to 15 minutes.
    vrrp_higher_prio_send_advert

    # Gratuitous ARP moves nothing on Hetzner Cloud: one is enough.
    vrrp_garp_master_repeat 1
    vrrp_garp_master_refresh 0
}

# For `hakeeper step-down`, a planned switchover: this number is added to the priority. The package
# makes the file, with 0 in it. (keepalived before 2.1 calls this `vrrp_track_file`.)
track_file hakeeper {
    file "/run/hakeeper-step-down"
    weight 1
}

#nginx vrrp_script nginx {
#nginx     script "/usr/bin/curl --fail --silent --output /dev/null --max-time 1 http://127.0.0.1/"
#nginx     interval 1
#nginx     timeout 2
#nginx     fall 2
#nginx     rise 2
#nginx     # No weight: a failure means FAULT, which the peer learns at once. With a weight it would
#nginx     # wait for the adverts to stop.
#nginx }

vrrp_instance $instance {
    state BACKUP
    interface $interface
    virtual_router_id $router_id
    priority $priority
    advert_int 0.1

    # Hetzner's networks carry no multicast.
    unicast_src_ip $own
    unicast_peer {
        $peer
    }

    track_file {
        hakeeper
    }

#nginx     track_script {
#nginx         nginx
#nginx     }

    # The floating IP, as /32: keepalived adds it to the master's public interface, and hakeeper
    # makes Hetzner route it there.
    virtual_ipaddress {
        $address/32 dev $public_interface
    }

    # The better node takes the address back when it returns. `nopreempt` on both nodes would leave
    # it where it is, at a price: after a split network keepalived does not signal that it has
    # healed, and the address may stay with the wrong node for up to 15 minutes.
}
""")
_OURS: Final = re.compile(r"# keepalived\.conf of \S+, written by `hakeeper init`\.")
_ROUTER_ID: Final = re.compile(r"^    virtual_router_id ([0-9]{1,3})$", re.MULTILINE)
_DROP_IN: Final = Template("""\
# Written by `hakeeper init`. Without its private address keepalived hears no peer.
[Service]
TimeoutStartSec=infinity
ExecStartPre=/bin/sh -c 'until ip -o address show to $own | grep -q .; do sleep 0.2; done'
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What one server's keepalived.conf has of its own."""

    name: str
    instance: str
    interface: str
    router_id: int
    priority: int
    own: IPv4Address
    peer: IPv4Address
    address: IPv4Address
    """The floating IP."""
    public_interface: str
    fifo: str
    """The FIFO's path."""
    user: str
    """Who reads it."""


def keepalived_conf(node: Node) -> str:
    """Return a whole keepalived.conf: a master that dies is replaced after 0.4 s."""
    return _KEEPALIVED.substitute(
        name=node.name,
        instance=node.instance,
        interface=node.interface,
        router_id=node.router_id,
        priority=node.priority,
        own=node.own,
        peer=node.peer,
        address=node.address,
        public_interface=node.public_interface,
        fifo_line=fifo_line(node.fifo, node.user),
    )


def is_ours(text: str) -> bool:
    """Say whether a keepalived.conf was made by init, for a pair of its making."""
    return _OURS.match(text) is not None


def router_id_in(text: str) -> int | None:
    """Return the `virtual_router_id` of a file that was made by init."""
    found = _ROUTER_ID.search(text)
    return None if found is None else int(found[1])


def drop_in(own: IPv4Address) -> str:
    """Return the drop-in that makes keepalived wait for its private address."""
    return _DROP_IN.substitute(own=own)


def hakeeper_yaml(
    instance: str, address: str, own: IPv4Address | None, endpoint: str | None
) -> str:
    """Return a whole hakeeper.yaml; `own` None: its `vrrp_address` is not known yet."""
    lines = [
        "# Written by `hakeeper init`. All keys: man hakeeper.yaml",
        "instances:",
        f"  {scalar(instance)}:",
        f"    floating_ips: [{scalar(address)}]",
    ]
    if own is not None:
        lines.append(f"    vrrp_address: {own}")
    if endpoint is not None:
        lines += ["hetzner:", f"  endpoint: {endpoint}"]
    return "\n".join([*lines, ""])


def scalar(text: str) -> str:
    """Return a text for YAML, in quotes if it means something else without them."""
    is_number = text.isascii() and text.isdigit() and not text.startswith("0")
    is_word = bool(text) and all(one.isalnum() or one in "._-/" for one in text)
    is_plain = is_word and text[0].isalnum() and meaning(text) is None and not is_null(text)
    if is_number or is_plain:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
