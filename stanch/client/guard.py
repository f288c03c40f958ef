"""Run a program that must not outlive whoever started it: `python -I -S guard.py PROGRAM ARGUMENT...`.

The guard's stdin is a pipe whose other end its parent holds. When the parent dies, however it dies, the pipe
ends, and the guard ends the program: asked first, killed after `GRACE` seconds. That needs no help of the
kernel beyond pipes, so it is the same on Linux and macOS. The guard's exit status is the program's.

Standard library only and quick to start: it runs beside every embedded server.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE = 5.0


def guard(arguments: list[str]) -> int:
    program = subprocess.Popen(arguments, stdin=subprocess.DEVNULL)

    def ask(*_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            program.terminate()

    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)

    def outlive_nobody() -> None:
        # Below Python's buffers, whose lock would be held when the interpreter ends.
        while os.read(0, 4096):
            pass
        ask()
        try:
            program.wait(GRACE)
        except subprocess.TimeoutExpired:
            program.kill()

    threading.Thread(target=outlive_nobody, daemon=True).start()
    status = program.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    ended = guard(sys.argv[1:])
    sys.stderr.flush()
    os._exit(ended)
