"""A pair as Hetzner's community tutorial makes one: keepalived and a script that calls the API.

Nothing of hakeeper is on these machines. The floating IP stands on both of them for good, in the
network's own configuration. The program that the tutorial downloads is replaced by a few lines of
curl that behave like it: one request, one try, and a word when the server was found.
"""

from hakeeper.demo.lab import wait_until
from tests.e2e.machine import PATIENCE_S, PUBLIC, WITNESS, Machine
from tests.e2e.pair import API_HOST, FLOATING_IP, Pair, token_of

CONF = "/etc/keepalived/keepalived.conf"
SCRIPT = "/etc/keepalived/failover.sh"
PROGRAM = "/opt/hcloud-ip"
_CALLS = "/var/log/hcloud-ip.log"

# The second FIFO is the test's own (see `hakeeper.demo.lab`); all else is of the tutorial's form.
_CONF = f"""\
global_defs {{
    notify_fifo {WITNESS} root root
}}

vrrp_script chk_nginx {{
    script "/usr/bin/pgrep nginx"
    interval 2
@WEIGHT@}}

vrrp_instance VI_1 {{
    interface enp7s0
    state @STATE@
    priority @PRIORITY@

    virtual_router_id 30
    unicast_src_ip @OWN@
    unicast_peer {{
        @PEER@
    }}

    authentication {{
        auth_type PASS
        auth_pass Yd3kPq9sWz1t
    }}

    track_script {{
        chk_nginx
    }}

    notify_master {SCRIPT}
}}
"""
_SCRIPT = f"""\
#!/bin/bash
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ "$({PROGRAM} -ip web -key @TOKEN@)" == "Server called $HOSTNAME was found" ] && break
    sleep 3
done
"""
_PROGRAM = f"""\
#!/bin/bash
date +%FT%T.%N >>{_CALLS}
curl --silent --fail --output /dev/null --header "Authorization: Bearer $4" \\
    --header 'Content-Type: application/json' --data '{{"server": @SERVER@}}' \\
    https://{API_HOST}/v1/floating_ips/@ADDRESS@/actions/assign &&
    echo "Server called $HOSTNAME was found"
"""


def set_up(pair: Pair) -> None:
    """Make both machines, which are off and fresh, such a pair; they stay on."""
    for machine in pair.machines:
        machine.disk.write(
            f"/etc/systemd/network/10-{PUBLIC}.network.d/floating-ip.conf",
            f"[Network]\nAddress={FLOATING_IP}/32\n",
        )
    pair.switch_on()
    for machine in pair.machines:
        # As on every server at Hetzner. keepalived looks its own name up when it starts.
        hosts = machine.run("cat", "/etc/hosts")
        machine.write("/etc/hosts", f"{hosts}127.0.1.1 {machine.name}\n")
        machine.shell("apt-get install --yes keepalived")
        _write_script(pair, machine)
        machine.write(CONF, _conf(pair, machine))
        machine.systemctl("enable", "keepalived")
        machine.systemctl("start", "keepalived")
    pair.wait_for_master(pair.a)
    wait_for_holder(pair, pair.a)


def wait_for_holder(pair: Pair, machine: Machine) -> None:
    """Wait until a machine has the address."""
    wait_until(
        lambda: pair.holder() == machine.name,
        timeout_s=PATIENCE_S,
        what=lambda: f"{machine.name} to own the address, which is with {pair.holder()}",
    )


def calls(machine: Machine) -> int:
    """How often the script of a machine has called the program so far."""
    return len(machine.run("sh", "-c", f"cat {_CALLS} 2>/dev/null || true").splitlines())


def _conf(pair: Pair, machine: Machine) -> str:
    preferred = machine is pair.a
    peer = pair.b if preferred else pair.a
    values = {
        "WEIGHT": "    weight -101\n" if preferred else "",
        "STATE": "MASTER" if preferred else "BACKUP",
        "PRIORITY": "200" if preferred else "100",
        "OWN": machine.private_ip,
        "PEER": peer.private_ip,
    }
    return _filled(_CONF, values)


def _write_script(pair: Pair, machine: Machine) -> None:
    values = {
        "TOKEN": token_of(machine.name),
        "SERVER": str(pair.servers[machine.name]),
        "ADDRESS": str(pair.floating_ip),
    }
    machine.write(SCRIPT, _filled(_SCRIPT, values), mode=0o755)
    machine.write(PROGRAM, _filled(_PROGRAM, values), mode=0o755)


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
