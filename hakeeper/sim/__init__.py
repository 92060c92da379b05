"""The simulated surroundings: a Hetzner Cloud on loopback, a lab with keepalived, the demo."""
