"""Somebody in the internet: `server.py ADDRESS`, tells everybody the address they come from.

A datagram is answered with it, and so is whatever comes over a TCP connection, over HTTP if it is a
request of that. Until killed.
"""

import socket
import socketserver
import sys
import threading

from tests.nat_gateway.client import TCP_PORT, UDP_PORT, say


class _Talk(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        source = self.client_address[0].encode()
        try:
            while said := self.request.recv(1024):
                if said.startswith(b"GET "):
                    self.request.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + source)
                    return
                self.request.sendall(source)
        except OSError:
            return  # the other end is gone


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True


def main() -> None:
    """Answer."""
    address = sys.argv[1]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, UDP_PORT))
    tcp = _Tcp((address, TCP_PORT), _Talk)
    threading.Thread(target=tcp.serve_forever, daemon=True).start()
    say("up")
    while True:
        _, sender = sock.recvfrom(64)
        sock.sendto(sender[0].encode(), sender)


if __name__ == "__main__":
    main()
