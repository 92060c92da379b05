"""What this node knows of each API: who we are there, health, budget, and what failures mean."""
