"""The core over simulated hours and days: too long for tests that are traced."""
