"""Addresses as keepalived parses them, which differs from Python."""

import ipaddress
import re
from typing import Final, TypeAlias

from hakeeper.core.model import IpAddress

IpInterface: TypeAlias = ipaddress.IPv4Interface | ipaddress.IPv6Interface
LABEL_LIMIT: Final = 15
"""The longest label and interface name, in bytes."""
_NUMBER: Final = re.compile(r"[ \t\f\n\r\v]*([+-]?)([0-9]*)")
_NUMBER_LIMIT: Final = (1 << 64) - 1
_WITH_VALUE: Final = ("dev", "scope", "broadcast", "brd", "label", "peer", "preferred_lft")


def to_ip(text: str) -> IpAddress | None:
    """Parse an address as inet_pton(3) does; None: it is not an address."""
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


def to_peer(text: str) -> IpAddress | None:
    """Parse a source or peer address; like keepalived, ignore a mask or range after it."""
    cut = "-" if "-" in text else "/"
    return to_ip(text.partition(cut)[0])


def to_vip(words: tuple[str, ...]) -> tuple[IpInterface, str | None] | str:
    """Parse a line of `virtual_ipaddress`; return address and `dev`, or why it is ignored."""
    address, slash, given = words[0].partition("/")
    ip = to_ip(address)
    if ip is None:
        return f"`{words[0]}`, which is not an address"
    length = _prefix_length(given, ip.max_prefixlen) if slash else ip.max_prefixlen
    device: str | None = None
    has_peer = False
    at = 1
    while at < len(words):
        word = words[at]
        at += 1
        if word not in _WITH_VALUE:
            continue
        if at == len(words):
            return f"`{word}` of {address}, which has no value"
        value = words[at]
        at += 1
        match word:
            case "dev" if device is not None:
                return f"{address} with more than one `dev`"
            case "dev":
                device = value
            case "brd" | "broadcast" if not _is_broadcast(value, ip):
                return f"{address} with the broadcast address {value}"
            case "label" if len(value.encode()) > LABEL_LIMIT:
                return f"{address} with a label of more than {LABEL_LIMIT} bytes"
            case "peer" if not has_peer:
                other = to_ip(value)
                if other is not None and other.version == ip.version:
                    has_peer, length = True, other.max_prefixlen
    return ipaddress.ip_interface(f"{ip}/{length}"), device


def _is_broadcast(value: str, ip: IpAddress) -> bool:
    if ip.version != 4:  # noqa: PLR2004  # IPv6 has none
        return False
    found = to_ip(value)
    return value in ("-", "+") or (found is not None and found.version == ip.version)


def _prefix_length(text: str, most: int) -> int:
    """Parse the number at the start; like keepalived, use the longest prefix if it is too large."""
    value = number_at_start(text)
    return value if value is not None and value <= most else most


def number_at_start(text: str) -> int | None:
    """Return the number that strtoul(3) finds, 0 if there is none; None: out of range."""
    match = _NUMBER.match(text)
    digits = "" if match is None else match[2].lstrip("0")
    if match is None or len(digits) > len(str(_NUMBER_LIMIT)):
        return None
    value = int(digits or "0")
    return None if value > _NUMBER_LIMIT or (match[1] == "-" and value) else value


def to_number(text: str, least: int, most: int) -> int | None:
    """Parse a whole number, as keepalived does where it accepts nothing else."""
    match = _NUMBER.fullmatch(text)
    if match is None or match[1] == "-" or not match[2]:
        return None
    value = number_at_start(text)
    return value if value is not None and least <= value <= most else None
