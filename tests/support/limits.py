"""No test keeps the run for ever, and one that has failed is told of at once.

pytest-timeout raises in the main thread, wherever that is by then. An event loop swallows what is raised in
a callback, and may hang while it takes down what was going on; whatever is asked again and again until it
is true then waits for ever. So there are three limits, from kind to rude:

1. a test that is a coroutine is cancelled inside of itself, so that its `async with` and `finally` run;
2. pytest-timeout, for the rest;
3. a minute later the process writes down where each of its threads is, and ends; pytest-xdist tells which
   test it was. (The run ends with it: what is left cannot be given to a new process, for which the last test
   of `--dist loadgroup` would wait for ever.)

A gate that is stopped from outside has by then shown what failed.
"""

from __future__ import annotations

import asyncio
import faulthandler
import functools
import inspect
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_EARLIER = 0.85
"""Of the limit of a test: what a coroutine has; the rest is for what it has to clean up."""
_STDERR = os.dup(2)
"""As it was before pytest put something in its place."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "timeout_grace", "seconds that a test has beyond its limit, and a process at its end", default="60"
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
        item.obj = _cancelled_after(item.obj, _limit(item) * _EARLIER)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    with _dump(os.getppid(), worker).open("w") if worker else os.fdopen(os.dup(_STDERR), "w") as dump:
        faulthandler.dump_traceback_later(_limit(item) + _grace(item.config), file=dump, exit=True)
        try:
            return (yield)
        finally:
            faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        # Its results are with the one that asked for them; nobody waits for what it still has to take down.
        faulthandler.dump_traceback_later(_grace(session.config), exit=True)


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, report: Any) -> None:
    """What pytest-xdist says of a process that ended under a test, with where it was."""
    dump = _dump(os.getpid(), report.node.gateway.id)
    if dump.exists() and (text := dump.read_text()):
        report.longrepr = f"{report.longrepr}\n{text}"
        dump.unlink()
    del crashitem


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_AtOnce(config))


class _AtOnce:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and report.failed:
            terminal.ensure_newline()
            terminal.write_line(f"{report.nodeid} ({report.when}): {_reason(report)}")
            terminal.flush()


def _reason(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr)
    return next(iter(text.splitlines()), "").strip()


def _limit(item: pytest.Item) -> float:
    """Seconds, as pytest-timeout reads them."""
    marker = item.get_closest_marker("timeout")
    given = (marker.args[0] if marker.args else marker.kwargs.get("timeout")) if marker else None
    return float(given or item.config.getoption("timeout") or item.config.getini("timeout") or 120)


def _grace(config: pytest.Config) -> float:
    return float(config.getini("timeout_grace"))


def _dump(controller: int, worker: str) -> Path:
    return Path(tempfile.gettempdir()) / f"stanch-tests-{controller}-{worker}.txt"


def _cancelled_after(test: Callable[..., Awaitable[None]], limit: float) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def limited(*args: Any, **kwargs: Any) -> None:
        try:
            async with asyncio.timeout(limit) as within:
                await test(*args, **kwargs)
        except TimeoutError:
            if within.expired():
                pytest.fail(f"not over after {limit:g} s")
            raise

    return limited
