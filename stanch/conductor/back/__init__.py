"""The way back: the ledger, undo, what was borrowed, and what an abort or a limit stops."""
