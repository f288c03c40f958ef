"""Every side effect: one module an outside world. See `action.py` for the shape of an action."""
