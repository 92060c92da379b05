"""What `hakeeper init` needs to know: from its flags, from what is there, else asked for."""

import argparse
import getpass
import os
import re
import sys
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Final

from hakeeper import exits
from hakeeper.adapters.token import VARIABLE, Token, read_token
from hakeeper.cli.say import complain
from hakeeper.setup.errors import SetupError
from hakeeper.setup.known import Here, Wishes, the_instance

INTERFACE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,15}")
INSTANCE: Final = re.compile(r"[A-Za-z0-9_.-]{1,63}")
PRIORITIES: Final = range(1, 255)
ROUTER_IDS: Final = range(1, 256)


def wishes_of(args: argparse.Namespace, here: Here) -> Wishes:
    """Take what is given, then what keepalived.conf says, then ask."""
    name = the_instance(here, args.instance)
    instance = here.instance(name)
    peers = () if instance is None else instance.peers
    known = [each.ip for each in peers if isinstance(each.ip, IPv4Address)]
    peer = args.peer or (known[0] if len(known) == 1 else None)
    if peer is None:
        peer = _asked_ipv4(answer("The other server's private address:", "--peer"))
    address = args.address or answer("The floating IP to move (name, id or address):", "--address")
    if not (address and address.isprintable()):
        raise SetupError("--address: names no floating IP")
    return Wishes(
        peer=peer,
        address=address,
        instance=name,
        router_id=args.router_id,
        priority=args.priority,
        interface=args.interface,
        public_interface=args.public_interface,
        endpoint=args.endpoint,
        is_removing_scripts=args.remove_scripts,
    )


def _asked_ipv4(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError:
        raise SetupError(f"--peer {text}: is not an IPv4 address", exits.USAGE) from None


def token_of(args: argparse.Namespace, here: Here) -> tuple[Token, bool]:
    """Return the token, and whether it is to be written; raises SecretUnusable and SetupError."""
    own = None if here.config is None else here.config.hetzner.token_file
    if own is not None or (here.has_token and args.token_file is None):
        found, is_new = read_token(own or here.places.token, os.environ), False
    elif args.token_file is not None or VARIABLE in os.environ:
        found, is_new = read_token(args.token_file, os.environ), not here.has_token
    else:
        found, is_new = read_token(None, {VARIABLE: _pasted()}), True
    args.redactor.add(found.token.reveal())
    for warning in found.warnings:
        complain(f"warning: {args.redactor.text(warning)}")
    if here.has_token and args.token_file is not None and own is None:
        there = read_token(here.places.token, os.environ)
        args.redactor.add(there.token.reveal())
        if there.token != found.token:
            raise SetupError(
                f"{here.places.token} has another token than {args.token_file}; to use the new"
                f" one: rm {here.places.token}, then run init again"
            )
    return found.token, is_new


def _pasted() -> str:
    if not sys.stdin.isatty():
        raise SetupError(
            "--token-file is missing, and there is no terminal to paste the API token at",
            exits.USAGE,
        )
    return getpass.getpass("The API token, with read and write permission (not shown): ")


def answer(question: str, flag: str) -> str:
    """Ask on the terminal; raises SetupError, which names the flag, where there is none."""
    if not sys.stdin.isatty():
        raise SetupError(
            f"{flag} is missing, and there is no terminal to ask: {question}", exits.USAGE
        )
    sys.stdout.write(f"{question} ")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.strip()


def ipv4(text: str) -> IPv4Address:
    """Read an address from the command line."""
    try:
        return IPv4Address(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IPv4 address") from None


def within(numbers: range) -> Callable[[str], int]:
    """Return what reads a number from the command line."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and int(text[:4]) in numbers):
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a number from {numbers[0]} to {numbers[-1]}"
            )
        return int(text)

    return read


def matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    """Return what reads a name from the command line."""

    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise argparse.ArgumentTypeError(f"{text!r} cannot be {what}")
        return text

    return read
