"""Runbooks proved before they are needed. Pure: nothing is read, sent or executed here, and clocks are data.

`kind` tells documents apart. `scripted` is an outside world that answers as a script says; `rehearsal` lets
the conductor run a Plan in it, offline, and compares what happened with what should have.
"""
