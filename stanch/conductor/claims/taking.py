"""Take leases and give them back.

Whoever needs some takes them one after the other, and goes on when it has them all. The order is the same for
everybody (by name, and those of a caller before those of what it calls), so no two runs wait for each other.
What waits is parked like what a hold keeps back, and has its turn when the answer has come.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from stanch.conductor.claims.claimed import Claimed
from stanch.conductor.commands import AskLease, CancelTimer, RingLease
from stanch.conductor.events import Cleared, Internal
from stanch.conductor.state import Node, Parked
from stanch.conductor.turn import Turn
from stanch.conductor.wheel import parking
from stanch.contract import POOL, Claim, LeaseTask, RunLease
from stanch.errors import EvaluationError
from stanch.language.evaluate import Scope, render, show

_LONGEST = 200
"""Characters of a name: it is a part of a workflow's id."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be held before a node goes on."""

    name: str
    owner: str = ""
    """Path of the node with whose end it is given back."""
    capacity: int = 1
    targets: tuple[str, ...] = ()
    own: bool = False
    """A share of a budget, which the run claims once for each owner; a lock it holds once."""

    @property
    def key(self) -> str:
        return f"{self.name}@{self.owner}" if self.own else self.name


def locks(turn: Turn, node: Node, written: Iterable[str], scope: Scope) -> bool:
    """Whether `node` holds the locks of its runbook; if not, it waits, and its `Cleared` comes again. Raises
    EvaluationError for what is no name."""
    if not are_taken(turn):
        return True
    names = tuple(sorted({_name(lock, scope) for lock in written}))
    return take(turn, node, line(turn, turn.put(node, locks=names))) if names else True


def line(turn: Turn, node: Node, owner: str | None = None) -> list[Wanted]:
    """The locks of `node` and of all around it, in the order in which they are taken; for themselves, or for
    the node at `owner`."""
    whole = [*reversed([*turn.around(node)]), node]
    return [Wanted(name, each.path if owner is None else owner) for each in whole for name in each.locks]


def are_taken(turn: Turn) -> bool:
    """Whether this run takes leases at all: what only shows what would happen touches nothing."""
    return turn.given.revision >= 2 and turn.given.mode != "dry_run"


def _name(lock: str, scope: Scope) -> str:
    name = show(render(lock, scope))
    if not name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise EvaluationError(f"`{lock}` gives no name of a lock: {name[:80]!r}")
    if name.startswith(POOL):
        raise EvaluationError(f"`{name}` is the name of a budget, and no lock is called so")
    return name


def take(turn: Turn, node: Node, wanted: Sequence[Wanted], event: Internal | None = None) -> bool:
    """Whether all that is wanted is held. If not, the first that is missing is asked for, unless one was
    broken, and `node` is told `event` (`Cleared`, when it is not said) as soon as it may be otherwise."""
    if broken := next((each.name for each in wanted if is_broken(turn, each.key)), ""):
        if not turn.aborting:
            parking.park(turn, node, event or Cleared(), f"break of its lease on `{broken}`")
            return False
        forget_broken(turn)
    for each in wanted:
        claim = turn.claims.get(each.key)
        if claim is None:
            claim = _begin(turn, each)
        elif each.owner not in claim.nodes:
            claim = put(turn, each.key, replace(claim, nodes=(*claim.nodes, each.owner)))
        if not claim.held:
            turn.parked.append(Parked(node.path, event or Cleared()))
            return False
    return True


def _begin(turn: Turn, wanted: Wanted) -> Claimed:
    lease = RunLease(wanted.name, "", "asked", targets=wanted.targets)
    return _claim(turn, wanted.key, Claimed(lease, wanted.capacity, (wanted.owner,)))


def _claim(turn: Turn, key: str, claim: Claimed) -> Claimed:
    turn.issued += 1
    return ask(
        turn, key, replace(claim, lease=replace(claim.lease, id=f"{key}#{turn.issued}", since=turn.at))
    )


def ask(turn: Turn, key: str, claim: Claimed) -> Claimed:
    """How does it stand? At most one question is under way."""
    if claim.asking:
        return put(turn, key, replace(claim, again=True))
    claim = stop_timer(turn, claim)
    given, lease = turn.given, claim.lease
    asked = Claim(
        turn.before.run,
        "",
        lease.id,
        claim.capacity,
        lease.targets,
        given.severity,
        given.started_by,
        given.mode,
    )
    turn.commands.append(AskLease(lease.id, LeaseTask(lease.name, asked)))
    return put(turn, key, replace(claim, asking=True, again=False))


def put(turn: Turn, key: str, claim: Claimed) -> Claimed:
    turn.claims[key] = claim
    return claim


def stop_timer(turn: Turn, claim: Claimed) -> Claimed:
    if claim.timer and turn.awaited.pop(claim.timer, None) is not None:
        turn.commands.append(CancelTimer(claim.timer))
    return replace(claim, timer="")


def is_broken(turn: Turn, key: str) -> bool:
    return key in turn.claims and turn.claims[key].lease.state == "broken"


# --- back -------------------------------------------------------------------------------------------------


def give_back(turn: Turn, node: Node) -> None:
    """The node has ended, and with it all that was claimed for it and for what is in it."""
    for key, claim in list(turn.claims.items()):
        left = tuple(
            path
            for path in claim.nodes
            if (of := turn.nodes.get(path)) is not None and not turn.is_below(of, node)
        )
        _leave(turn, key, claim, left)


def give_up(turn: Turn, paths: Collection[str]) -> None:
    """What still waits for a claim ends without it."""
    for key, claim in list(turn.claims.items()):
        if claim.waits:
            _leave(turn, key, claim, tuple(path for path in claim.nodes if path not in paths))


def _leave(turn: Turn, key: str, claim: Claimed, left: tuple[str, ...]) -> None:
    if left == claim.nodes:
        return
    if left:
        put(turn, key, replace(claim, nodes=left))
    else:
        drop(turn, key)


def ring(turn: Turn, name: str) -> None:
    turn.commands.append(RingLease(name))


def drop(turn: Turn, key: str) -> None:
    """Not held any more, and not waited for; the lease hears a bell, and looks."""
    claim = stop_timer(turn, turn.claims.pop(key))
    if claim.lease.state != "broken":
        ring(turn, claim.lease.name)
    if claim.held:
        turn.note("lease", f"gave `{claim.lease.name}` back")


def queue_again(turn: Turn) -> None:
    """For what was broken; what was taken after that is taken again when something needs it."""
    lost = forget_broken(turn)
    for key, claim in list(lost.items())[:1]:
        lease = RunLease(claim.lease.name, "", "asked", targets=claim.lease.targets)
        _claim(turn, key, Claimed(lease, claim.capacity, claim.nodes))


def forget_broken(turn: Turn) -> dict[str, Claimed]:
    """What was broken, and what was taken after it, is not claimed any more, and asked for as something needs
    it."""
    lost = since_broken(turn.claims)
    for key in lost:
        drop(turn, key)
    return lost


def since_broken(claims: Mapping[str, Claimed]) -> dict[str, Claimed]:
    """What was broken, and the locks that were taken after it, to be taken in order again. What has targets
    stays: they are disrupted, whoever has the lock."""
    items = list(claims.items())
    at = next((at for at, (_, claim) in enumerate(items) if claim.lease.state == "broken"), len(items))
    return {key: claim for key, claim in items[at:] if not (claim.lease.targets and claim.held)}
