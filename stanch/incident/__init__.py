"""An incident's own life, as pure functions on its state. So far: its runs, and holding their fire."""
