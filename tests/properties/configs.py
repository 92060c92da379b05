"""Valid configurations drawn at random, each with a text that means it."""

import ipaddress
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from hakeeper.config import Config, HetznerConfig, InstanceConfig, KeepalivedConfig, StateSource
from hakeeper.core.model import IpAddress, VrrpId, VrrpKind
from hakeeper.core.observation import IpNetwork, ResourceRef
from hakeeper.kinds import KINDS
from hakeeper.kinds.ip_ranges import is_never_ours, is_private
from tests.support.resources import by_id, by_name, by_network

ID_LIMIT = 2**53 - 1
_LETTERS = "abcxyzABCäß漢0123456789_-+ '#:{}[]&*!|>%@`,?~\\/="
WORDS = st.text(_LETTERS, min_size=1, max_size=20).map(str.strip).filter(bool)
NAMES = WORDS.map(lambda name: f"n{name}")
PATHS = st.lists(NAMES.map(lambda name: name.replace("/", "")), min_size=1, max_size=4).map(
    lambda parts: Path("/", *parts)
)
IDS = st.integers(1, ID_LIMIT)
MILLISECONDS = st.integers(1000, 60_000)
SECONDS = st.integers(1, 3600)
SERVERS = st.one_of(
    st.just("auto"), IDS, st.from_regex(r"[a-z]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True)
)
ENDPOINTS = st.sampled_from(
    [
        "https://api.hetzner.cloud/v1",
        "https://a.example:8443/x",
        "http://[::1]:80",
        "http://127.1.2.3",
    ]
)


@dataclass(frozen=True, slots=True)
class Written:
    """A configuration and one way to write it."""

    config: Config
    text: str


def _floats(address: IpAddress) -> bool:
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    return not (mapped or is_never_ours(address) or is_private(address))


def _network(address: IpAddress) -> ResourceRef:
    """Give what is meant by an address: the whole /64 where it is IPv6."""
    network: IpNetwork = ipaddress.ip_network(
        (address, 32 if address.version == 4 else 64), strict=False
    )
    return by_network(network)


def _private(refs: list[tuple[ResourceRef, object]]) -> st.SearchStrategy[tuple[IpAddress, ...]]:
    """Draw addresses that keepalived may speak from: none of the floating ones."""
    networks = [ref.network for ref, _ in refs if ref.network is not None]
    free = PRIVATE.filter(lambda ip: not any(ip in network for network in networks))
    return st.lists(free, max_size=3, unique=True).map(tuple)


def _spoken(addresses: tuple[IpAddress, ...]) -> dict[str, object]:
    texts = [str(address) for address in addresses]
    return {"vrrp_address": texts[0] if len(texts) == 1 else texts} if texts else {}


PRIVATE = st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fd00::/8")
ADDRESSES = st.ip_addresses().filter(_floats).map(lambda ip: (_network(ip), str(ip)))
REFS: st.SearchStrategy[tuple[ResourceRef, object]] = st.one_of(
    IDS.map(lambda number: (by_id(number), number)),
    IDS.map(lambda number: (by_id(number), str(number))),
    st.text("abcäß漢_-+ 'xyz", min_size=1, max_size=20)
    .map(lambda s: f"n{s.strip()}")
    .map(lambda name: (by_name(name), name)),
    ADDRESSES,
)


@st.composite
def written(draw: st.DrawFn) -> Written:
    """Draw values, and write them as YAML: keys in any order, flow or block, with comments."""
    refs = draw(st.lists(REFS, min_size=1, max_size=8, unique_by=lambda ref: ref[0]))
    holders = draw(st.lists(st.tuples(st.sampled_from(VrrpKind), NAMES), min_size=1, max_size=4))
    claims: dict[VrrpId, list[tuple[ResourceRef, object]]] = {}
    for index, ref in enumerate(refs):
        kind, name = holders[index % len(holders)]
        claims.setdefault(VrrpId(kind, name), []).append(ref)
    private = {vrrp: draw(_private(some)) for vrrp, some in claims.items()}
    interval_s = draw(SECONDS)
    standby_s = draw(st.integers(interval_s, 3600))
    timeout_ms = draw(MILLISECONDS)
    named: dict[VrrpKind, dict[str, InstanceConfig]] = {kind: {} for kind in VrrpKind}
    for vrrp, some in claims.items():
        named[vrrp.kind][vrrp.name] = InstanceConfig(
            resources={
                **{kind.config_key: () for kind in KINDS.values()},
                "floating_ips": tuple(ref for ref, _ in some),
            },
            vrrp_addresses=private[vrrp],
        )
    config = Config(
        instances=named[VrrpKind.INSTANCE],
        groups=named[VrrpKind.GROUP],
        server=draw(SERVERS),
        keepalived=KeepalivedConfig(
            fifo=draw(PATHS), state=draw(st.sampled_from(StateSource)), pid_file=draw(PATHS)
        ),
        hetzner=HetznerConfig(
            endpoint=draw(ENDPOINTS),
            token_file=draw(st.none() | PATHS),
            ca_file=draw(st.none() | PATHS),
            timeout_s=timeout_ms / 1000,
        ),
        interval_s=float(interval_s),
        standby_interval_s=float(standby_s),
    )
    document: dict[str, object] = {
        section: {
            vrrp.name: {"floating_ips": [text for _, text in some]} | _spoken(private[vrrp])
            for vrrp, some in claims.items()
            if vrrp.kind is kind
        }
        for kind, section in ((VrrpKind.INSTANCE, "instances"), (VrrpKind.GROUP, "groups"))
    }
    document["server"] = config.server
    document["keepalived"] = {
        "fifo": str(config.keepalived.fifo),
        "state": config.keepalived.state.value,
        "pid_file": str(config.keepalived.pid_file),
    }
    document["hetzner"] = {
        "endpoint": config.hetzner.endpoint + draw(st.sampled_from(["", "/"])),
        "token_file": _text_or_none(config.hetzner.token_file),
        "ca_file": _text_or_none(config.hetzner.ca_file),
        "timeout": f"{timeout_ms}ms",
    }
    document["reconcile"] = {"interval": f"{interval_s}s", "standby_interval": f"{standby_s}s"}
    order = draw(st.permutations(list(document)))
    return Written(config, draw(st.sampled_from(_WRITERS))({key: document[key] for key in order}))


def _text_or_none(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _flow(document: dict[str, object]) -> str:
    """Write JSON, which is YAML."""
    return json.dumps(document, ensure_ascii=False)


def _block(document: object, indent: str = "") -> str:
    """Write one key or item a line, with a comment after each and an empty line between."""
    if isinstance(document, dict) and document:
        parts = ((f"{json.dumps(str(k), ensure_ascii=False)}:", v) for k, v in document.items())
    elif isinstance(document, Sequence) and not isinstance(document, str):
        parts = (("-", item) for item in document)
    else:
        return f" {json.dumps(document, ensure_ascii=False)}  # so\n"
    lines = [f"{indent}{head}{_block(value, indent + '  ')}" for head, value in parts]
    return "\n" + "\n".join(lines)


_WRITERS: tuple[Callable[[dict[str, object]], str], ...] = (
    _flow,
    _block,
    lambda document: _block(document).replace("\n", "\r\n"),
    lambda document: "\ufeff" + _flow(document),
)
