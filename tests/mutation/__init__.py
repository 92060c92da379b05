"""Mutation testing of the core: small faults are planted, and the tests have to notice them."""
