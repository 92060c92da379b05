"""What a neighbour floods the machine with: Python programs that run until they are killed."""


def _datagrams(path: str, message: bytes) -> str:
    return f"""
import socket
flood = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
flood.connect({path!r})
while True:
    flood.send({message!r})
"""


THE_QUEUE_OF_SYSTEMD = _datagrams("/run/systemd/notify", b"X=1")
THE_PLACES_OF_THE_SOCKET = """
import contextlib, socket
held = []
while True:
    one = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(OSError):  # the service is just restarted
        one.connect("/run/hakeeper/daemon/control.sock")
    held.append(one)
    for each in held[:-16]:
        each.close()
    del held[:-16]
"""
QUESTIONS = """
import contextlib, socket
while True:
    with socket.socket(socket.AF_UNIX) as one, contextlib.suppress(OSError):
        one.connect("/run/hakeeper/daemon/control.sock")
        one.sendall(b'{"command": "status"}\\n')
        one.recv(65536)
"""
THE_JOURNAL = _datagrams(
    "/run/systemd/journal/socket",
    b"MESSAGE=x\nHAKEEPER_EVENT=address.claimed\n_SYSTEMD_UNIT=hakeeper.service\n",
)
SYSLOG = _datagrams("/dev/log", b"<2>hakeeper[1]: x")
THE_BUS = """
import contextlib, sys
sys.path.insert(0, "/usr/lib/hakeeper")
from jeepney import DBusAddress, new_method_call, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection
instance = "/org/keepalived/Vrrp1/Instance/hktest0/51/IPv4"
said = DBusAddress(instance, interface="org.keepalived.Vrrp1.Instance")
while True:
    with contextlib.suppress(Exception):  # the bus throws one out that reads nothing
        bus = open_dbus_connection("unix:path=/run/dbus/system_bus_socket")
        names = Proxy(message_bus, bus).ListNames()[0]
        while True:
            bus.send(new_signal(said, "VrrpStatusChange", "u", (1,)))
            for name in names:
                to = DBusAddress(instance, name, "org.keepalived.Vrrp1.Instance")
                bus.send(new_signal(to, "VrrpStatusChange", "u", (1,)))
                bus.send(new_method_call(to, "Get", "ss", ("x", "y")))
"""
THE_PROCESSORS = "while True: pass"
