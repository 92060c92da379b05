"""A tiny web server, and an echo of datagrams for finer probes: `server.py ADDRESS`, until killed.

Runs on both nodes, on the floating address; whoever gets the packets answers.
"""

import http.server
import socket
import sys
import threading

WEB_PORT, ECHO_PORT = 80, 7


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_: object) -> None:
        pass


def _echo(sock: socket.socket) -> None:
    while True:
        data, sender = sock.recvfrom(64)
        sock.sendto(data, sender)


def main() -> None:
    """Serve."""
    address = sys.argv[1]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, ECHO_PORT))
    web = _Server((address, WEB_PORT), _Page)
    threading.Thread(target=_echo, args=(sock,), daemon=True).start()
    sys.stdout.write("up\n")
    sys.stdout.flush()
    web.serve_forever()


if __name__ == "__main__":
    main()
