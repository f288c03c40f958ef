"""How diagnostics and Plans are shown: pure functions from values to text or JSON-ready data."""
