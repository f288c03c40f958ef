"""End the test run by `os._exit`, once everything has been said and cleaned up.

A process that has used the Temporal client may abort while the interpreter is torn down
(temporalio/sdk-python #300), and a run whose tests all passed would then end with status 134. This
plugin ends the controller and every xdist worker just before that. Nothing is lost: hooks that close
a run, temporary folders and the terminal summary come before; a worker has by then sent its results.

A run that never had a session (`--help`, a wrong option) ends the usual way, and so does one in which
another plugin fails while it unconfigures, or that failure would be hidden.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

_session = pytest.StashKey[pytest.Session]()


def pytest_sessionfinish(session: pytest.Session) -> None:
    session.config.stash[_session] = session


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> Iterator[None]:
    yield
    session = config.stash.get(_session, None)
    if session is None:
        return
    # Read now and not at the session's finish: a plugin may still have changed it there.
    status = int(session.exitstatus)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
