"""The process between a worker and a program: `guard.py CONTROL STATUS VARIABLES PROGRAM NAME ARGUMENT...`.

CONTROL and STATUS are descriptors of pipes, VARIABLES the names of those that are passed on.

**The end of CONTROL means stop**: the worker closes it, or the kernel does when the worker is killed, so
nothing goes on that nobody waits for. The program leads a process group, which gets SIGTERM then, and SIGKILL
after `GRACE`. What is left of the group when the program ends by itself is killed too.

On STATUS it says `refused N` if the program could not be started (N is the errno), and last `ended N` (the
exit status, or minus the number of a signal).

It is started once for each command, so it imports nothing that takes time.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys

GRACE = 3.0
"""Seconds between SIGTERM and SIGKILL."""


def main() -> None:
    control, status = int(sys.argv[1]), int(sys.argv[2])
    for pipe in (control, status):
        os.set_inheritable(pipe, False)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    child = os.fork()
    if child == 0:
        # Python has given itself `LC_CTYPE` where the locale is C.
        env = {name: os.environ[name] for name in sys.argv[3].split()}
        _become(sys.argv[4], sys.argv[5:], env, status)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)  # both sides do it, as either may be the first to need it
    _let_go()
    code = _wait(child, woken, None, control)
    if code is None:
        _signal(child, signal.SIGTERM)
        code = _wait(child, woken, GRACE)
    _signal(child, signal.SIGKILL)
    if code is None:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    _tell(status, f"ended {code}\n")


def _become(program: str, argv: list[str], env: dict[str, str], status: int) -> None:
    try:
        os.setpgid(0, 0)
        # Python ignores these two, and a program would inherit that.
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.execve(program, argv, env)  # noqa: S606 (that there is no shell is the point)
    except OSError as error:
        _tell(status, f"refused {error.errno}\n")
    finally:
        os._exit(127)


def _let_go() -> None:
    """Of the program's streams: their other ends must see when the program closes them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def _wait(child: int, woken: int, seconds: float | None, *others: int) -> int | None:
    """The exit code of `child` once it has ended; None if one of `others` has news, or the time is over."""
    while True:
        pid, ended = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(ended)
        ready, _, _ = select.select([woken, *others], [], [], seconds)
        if not ready or ready != [woken]:
            return None
        os.read(woken, 64)  # a child that is only halted wakes us too


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _tell(status: int, text: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more
        os.write(status, text.encode())


if __name__ == "__main__":
    main()
