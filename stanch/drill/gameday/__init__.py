"""Game days: people and runbooks against a scenario, with a clock, injects, limits and a score."""
