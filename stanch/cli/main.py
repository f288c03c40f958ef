"""The command `stanch`: the group, and the one way in and out."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from stanch import __version__
from stanch.cli import exits
from stanch.cli.abort import abort
from stanch.cli.ack import ack
from stanch.cli.answer import answer
from stanch.cli.approve import approve
from stanch.cli.break_ import break_
from stanch.cli.check import check
from stanch.cli.codes import codes
from stanch.cli.decide import decide
from stanch.cli.deny import deny
from stanch.cli.fmt import fmt
from stanch.cli.handover import handover
from stanch.cli.hold import hold
from stanch.cli.incident import incident
from stanch.cli.key import key
from stanch.cli.leases import leases
from stanch.cli.pause import pause
from stanch.cli.plan import plan
from stanch.cli.rehearse import rehearse
from stanch.cli.release import release
from stanch.cli.resume import resume
from stanch.cli.retry import retry
from stanch.cli.run import run
from stanch.cli.runs import runs
from stanch.cli.severity import severity
from stanch.cli.show import show
from stanch.cli.skip import skip
from stanch.cli.tick import tick
from stanch.cli.trust import trust
from stanch.cli.undo import undo
from stanch.cli.up import up
from stanch.cli.watch import watch
from stanch.cli.withdraw import withdraw

GROUPS: dict[str, tuple[click.Command, ...]] = {
    "Write runbooks": (check, fmt, plan, rehearse),
    "Run them": (up, run, runs, show, watch, leases),
    "Answer what a run asks": (approve, deny, answer, decide, ack, tick, withdraw),
    "Stop a run, or turn it": (
        pause,
        resume,
        hold,
        release,
        skip,
        retry,
        undo,
        abort,
        break_,
        handover,
        severity,
        incident,
    ),
    "Prove who you are": (key, codes, trust),
}
COMMANDS: tuple[click.Command, ...] = tuple(command for group in GROUPS.values() for command in group)


class InOrder(click.Group):
    """Lists its commands in the order in which one meets them, under what one wants to do."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(len(command.name or "") for command in COMMANDS)
        for title, commands in GROUPS.items():
            with formatter.section(title):
                room = formatter.width - 6 - width
                formatter.write_dl(
                    [((each.name or "").ljust(width), each.get_short_help_str(room)) for each in commands]
                )


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stanch", message="%(prog)s %(version)s")
def stanch() -> None:
    """Reviewed runbooks that an alert starts, a person approves and Temporal carries out.

    Exit status: 0 done, 1 the answer is no, 2 wrong usage, 3 cannot reach what it needs.
    """


for command in COMMANDS:
    stanch.add_command(command)


def main() -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows few characters shows `?` for the others, and never an encoding error.
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    exits.leave(exits.run(stanch, sys.argv[1:]))


if __name__ == "__main__":
    main()
