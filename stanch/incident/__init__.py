"""An incident's own life, as pure functions on its state. So far: its runs, holding their
fire, and whose word counts."""
