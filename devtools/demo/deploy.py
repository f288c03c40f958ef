"""`deploy`: the program on a demo host that says which release runs there, and switches it.

It runs alone (`python -I -S`, standard library only) because it stands for a tool of the target, not
for a part of Stanch, and because a command over SSH should cost milliseconds. The server imports the
same reader and writer.

A host's folder holds `current`, one JSON object `{"release", "previous", "since"}` replaced as a whole,
so that no reader ever sees half a switch, and `deploys.log`, a JSON object a line
`{"time", "from", "to", "command"}` for each switch that happened.

Exit status: 0 done (or already so), 2 wrong usage, 3 it cannot be done here.
"""

import argparse
import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

CURRENT = "current"
LOG = "deploys.log"
SERVICE = "service.json"


class Deployment(NamedTuple):
    """What runs on a host. `since` is UTC in RFC 3339; `previous` is None after a rollback."""

    release: str
    previous: str | None
    since: str


class Refused(Exception):
    """The command changes nothing; `status` is what the program exits with."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def now() -> str:
    seconds = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"


def read_deployment(host: Path) -> Deployment:
    """What the folder of a host says is running. Raises OSError, or ValueError when it is not readable."""
    try:
        stored = json.loads((host / CURRENT).read_text(encoding="utf-8"))
        previous = stored["previous"]
        return Deployment(str(stored["release"]), previous and str(previous), str(stored["since"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"`{host / CURRENT}` does not say which release runs") from error


def replace_file(path: Path, text: str, mode: int = 0o644) -> None:
    """Writes a file so that a reader sees the old text or the new, also when the disk is full."""
    staged = _stage(path, text, mode)
    staged.replace(path)


def write_deployment(host: Path, deployment: Deployment) -> None:
    replace_file(host / CURRENT, _as_text(deployment))


def _as_text(deployment: Deployment) -> str:
    return json.dumps(deployment._asdict()) + "\n"


def _stage(path: Path, text: str, mode: int = 0o644) -> Path:
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        staged.unlink(missing_ok=True)
        raise
    return staged


@contextlib.contextmanager
def _alone(host: Path) -> Iterator[None]:
    """One switch at a time on a host, and none that a closing connection cuts in half."""
    ending = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM}
    with (host / ".deploy.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ending)


def _switch(host: Path, before: Deployment, after: Deployment, command: str) -> None:
    """Puts `after` in place and notes it. Either both happen or, when the disk is full, neither.

    Everything that needs space comes before the rename, which needs none.
    """
    staged = _stage(host / CURRENT, _as_text(after))
    entry = {"time": after.since, "from": before.release, "to": after.release, "command": command}
    with (host / LOG).open("ab", buffering=0) as log:
        size = log.tell()
        try:
            rest = memoryview((json.dumps(entry) + "\n").encode())
            while rest:
                rest = rest[log.write(rest) :]
            staged.replace(host / CURRENT)
        except OSError:
            log.truncate(size)
            staged.unlink(missing_ok=True)
            raise


def _rollback(name: str, host: Path, command: str) -> str:
    with _alone(host):
        before = read_deployment(host)
        if before.previous is None:
            raise Refused(
                f"{name} runs {before.release} since {before.since} and has no release before it: already "
                "rolled back",
                3,
            )
        after = Deployment(before.previous, None, now())
        _switch(host, before, after, command)
    return f"{name}: {before.release} -> {after.release}"


def _redeploy(name: str, host: Path, release: str, known: Sequence[str], command: str) -> str:
    if release not in known:
        raise Refused(f"{name} has no release `{release}`; it has {', '.join(known)}", 2)
    with _alone(host):
        before = read_deployment(host)
        if before.release == release:
            return f"{name}: {release} is already in place"
        after = Deployment(release, before.release, now())
        _switch(host, before, after, command)
    return f"{name}: {before.release} -> {after.release}"


def _current(name: str, deployment: Deployment) -> str:
    before = f", before it {deployment.previous}" if deployment.previous else ""
    return f"{name}: {deployment.release} since {deployment.since}{before}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deploy", description="Say or switch the release on this host.")
    commands = parser.add_subparsers(dest="command", required=True)
    for word, says in {
        "current": "say which release runs",
        "rollback": "go back to the release before",
        "redeploy": "put a release in place",
    }.items():
        command = commands.add_parser(word, help=says, description=f"{says.capitalize()}.")
        command.add_argument("service", metavar="SERVICE")
        if word == "redeploy":
            command.add_argument("release", metavar="RELEASE")
        command.add_argument("--json", action="store_true", help="print what runs now as a JSON object")
    return parser


def _run(arguments: argparse.Namespace, state: Path, name: str) -> str:
    host = state / "hosts" / name
    catalogue = json.loads((state / SERVICE).read_text(encoding="utf-8"))
    service = str(catalogue["service"])
    if arguments.service != service:
        raise Refused(f"{name} does not run `{arguments.service}`; it runs {service}", 2)
    if arguments.command == "current":
        said = _current(name, read_deployment(host))
    elif arguments.command == "rollback":
        said = _rollback(name, host, f"deploy rollback {service}")
    else:
        command = f"deploy redeploy {service} {arguments.release}"
        said = _redeploy(name, host, arguments.release, catalogue["releases"], command)
    if arguments.json:
        return json.dumps({"service": service, "host": name} | read_deployment(host)._asdict())
    return said


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = _parser().parse_args(arguments)
    try:
        state, name = Path(os.environ["STANCH_DEMO_STATE"]), os.environ["STANCH_DEMO_HOST"]
        sys.stdout.write(_run(parsed, state, name) + "\n")
    except KeyError as missing:
        problem, status = f"{missing.args[0]} is not set; run `deploy` on a host of the demo, over SSH", 3
    except Refused as refused:
        problem, status = str(refused), refused.status
    except OSError as error:
        where = f"`{error.filename}`: " if error.filename else ""
        problem, status = f"nothing was switched: {where}{error.strerror}", 3
    except ValueError as error:
        problem, status = f"{error}; start the demo with --fresh", 3
    else:
        return 0
    sys.stderr.write(f"deploy: {problem}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
