"""Facts about this machine: addresses, interfaces, users; without netlink, for the sandbox."""

import contextlib
import fcntl
import grp
import ipaddress
import os
import pwd
import socket
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from hakeeper.adapters.local_addresses import VrrpAddresses
from hakeeper.core.model import IpAddress
from hakeeper.doctor.facts import MachineFacts
from hakeeper.doctor.keepalived_facts import DEFAULT_USER

SERVICE_USER: Final = "hakeeper"
_DEV: Final = Path("/proc/thread-self/net/dev")
_IF_INET6: Final = Path("/proc/thread-self/net/if_inet6")
_SIOCGIFFLAGS: Final = 0x8913
_UP_AND_RUNNING: Final = 0x1 | 0x40
_SIOCGIFADDR: Final = 0x8915
_SIOCGIFNETMASK: Final = 0x891B
"""linux/sockios.h and linux/if.h"""


def machine_facts(
    wanted: Iterable[IpAddress], named_users: Iterable[str], named_groups: Iterable[str] = ()
) -> MachineFacts:
    """Look for these addresses and users; as root, report on the service's user."""
    here = VrrpAddresses(ip for ip in wanted if ip.version == 4).here()  # noqa: PLR2004  # IPv4
    users = {name for name in (*named_users, DEFAULT_USER, SERVICE_USER) if _exists(name)}
    interfaces = _interfaces()
    entry = _service_user(users)
    return MachineFacts(
        here=frozenset((*here, *_ipv6())),
        interfaces=interfaces,
        primaries={
            name: found for name in sorted(interfaces) if (found := _primary(name)) is not None
        },
        user=entry.pw_name,
        user_id=entry.pw_uid,
        group_ids=frozenset((entry.pw_gid, *_groups_of(entry.pw_name))),
        known_users=frozenset(users),
        known_groups=frozenset(name for name in named_groups if _is_group(name)),
        is_root=os.geteuid() == 0,
        down=frozenset(name for name in interfaces if not _is_up(name)),
    )


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _is_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _service_user(users: set[str]) -> pwd.struct_passwd:
    if os.geteuid() == 0 and SERVICE_USER in users:
        return pwd.getpwnam(SERVICE_USER)
    return pwd.getpwuid(os.geteuid())


def _groups_of(user: str) -> list[int]:
    return [group.gr_gid for group in grp.getgrall() if user in group.gr_mem]


def _interfaces() -> frozenset[str]:
    lines = _DEV.read_text().splitlines()[2:]
    return frozenset(line.partition(":")[0].strip() for line in lines)


def _ipv6() -> list[IpAddress]:
    with contextlib.suppress(FileNotFoundError):  # IPv6 is off
        lines = _IF_INET6.read_text().splitlines()
        return [ipaddress.IPv6Address(bytes.fromhex(line.split()[0])) for line in lines]
    return []


def _is_up(interface: str) -> bool:
    """Say whether an interface is up and has a link; True if that cannot be seen."""
    request = struct.pack("256s", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, request)
        except OSError:  # it has disappeared meanwhile
            return True
    (flags,) = struct.unpack_from("=H", answer, 16)
    return bool(flags & _UP_AND_RUNNING == _UP_AND_RUNNING)


def _primary(interface: str) -> ipaddress.IPv4Interface | None:
    request = struct.pack("256s", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            address = fcntl.ioctl(sock, _SIOCGIFADDR, request)[20:24]
            mask = fcntl.ioctl(sock, _SIOCGIFNETMASK, request)[20:24]
        except OSError:  # it has no IPv4 address
            return None
    return ipaddress.IPv4Interface(f"{socket.inet_ntoa(address)}/{socket.inet_ntoa(mask)}")
