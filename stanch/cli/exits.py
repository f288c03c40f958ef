"""How a command ends: one table from errors to exit statuses, and one place that leaves the process.

0    done
1    the answer is no: diagnostics were found, the run failed, the request was denied or the answer refused
2    wrong usage
3    cannot reach what it needs
130  interrupted by Ctrl-C
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import NoReturn

import click

from stanch.cli.console import say, say_error
from stanch.errors import (
    ActionRefused,
    AuthorError,
    InvalidInput,
    OurError,
    OutsideError,
    StanchError,
)

DONE = 0
NO = 1
USAGE = 2
UNREACHABLE = 3
INTERRUPTED = 128 + signal.SIGINT

STATUS: Mapping[type[StanchError], int] = {
    AuthorError: NO,
    InvalidInput: USAGE,
    OutsideError: UNREACHABLE,
    ActionRefused: NO,
    OurError: NO,
}


def status_of(error: type[StanchError]) -> int:
    """The exit status of `error`: its nearest family decides."""
    return next((STATUS[family] for family in error.__mro__ if family in STATUS), NO)


def run(group: click.Group, arguments: Sequence[str]) -> int:
    """Carry out the command line; whatever goes wrong has been said on stderr. Returns the exit status."""
    try:
        status = group.main(list(arguments), prog_name="stanch", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        return USAGE
    except click.ClickException as error:
        say_error(_usage(error))
        return USAGE
    except StanchError as error:
        say_error(str(error).rstrip())
        return status_of(type(error))
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except OSError as error:
        if error.errno == errno.EPIPE:
            # Whoever read the output has seen enough.
            return NO
        place = f": `{error.filename}`" if error.filename else ""
        say_error(f"{error.strerror or error}{place}")
        return UNREACHABLE
    except Exception:  # noqa: BLE001 - the last place that can show a bug before the process is left
        say(traceback.format_exc().rstrip())
        say_error("this is a bug in Stanch; please report the lines above")
        return NO
    return status if isinstance(status, int) else DONE


def leave(status: int) -> NoReturn:
    """End the process now, with everything that was written really written.

    A process that has used the Temporal client may abort while the interpreter is torn down
    (temporalio/sdk-python #300), so none of that is left to happen.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            # With another status than this one, what is wrong has been said.
            if error.errno != errno.EPIPE and stream is sys.stdout and status == DONE:
                say_error(f"cannot write the output: {error.strerror}")
                status = UNREACHABLE
    os._exit(status)


def _usage(error: click.ClickException) -> str:
    """click's sentence in the words of this house."""
    message = error.format_message().replace("'", "`").rstrip(".")
    message = message.replace(" (Did you mean one of: ", " Did you mean one of ").replace("?)", "?")
    message = message.replace(". Did you mean", "; did you mean")
    message = message[:1].lower() + message[1:]
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None or message.endswith("?"):
        return message
    return f"{message}; see `{context.command_path} --help`"
