"""Real stand-ins to run Stanch against: a demo service now, servers built on vendors' API files later."""
