"""The NAT gateway of docs/nat-gateway.md, with real packets. See `python -m tests.nat_gateway`."""
