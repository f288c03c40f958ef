"""Whatever people do to a question, in whatever order: what is asked climbs, and silence never approves."""

from __future__ import annotations

from hypothesis import given as case
from hypothesis import settings
from hypothesis import strategies as st

from stanch.conductor.state import OpenRequest
from tests.support.moves import IC, LEAD, Clockwork, Move, Moves, moves, policy, question
from tests.support.plans import given

START = 1000.0


class Roles:
    """Who holds what, told by the moves alone."""

    def __init__(self, commander: tuple[str, ...]) -> None:
        self.held: dict[str, set[str]] = {IC: set(commander), LEAD: set()}

    def on_call(self, at: float) -> set[str]:
        return {"dave"} if at < START + 1000.5 else {"erin"}

    def of(self, address: str, at: float) -> set[str]:
        if address == "primary":
            return self.on_call(at)
        if address == "sre":
            return {"carol"} | self.on_call(at)
        if address == IC:
            return self.held[IC] or self.on_call(at)
        return self.held[address] or self.of(IC, at)

    def hand(self, move: Move) -> None:
        self.held[move.role] = {move.to}


class Watch:
    """A run whose promises are looked at after everything that happens."""

    def __init__(self, commander: tuple[str, ...], quorum: int, of_roles: int) -> None:
        pinned = policy(START, commander)
        self.host = Clockwork(given(question(quorum, of_roles), policy=pinned, revision=2))
        self.roles = Roles(commander)
        self.seen = 0
        self.host.start()
        self.check()

    @property
    def opened(self) -> OpenRequest | None:
        return next((each for each in self.host.state.requests.values() if not each.closed), None)

    def play(self, move: Move) -> None:
        self.wait(move.wait)
        opened, was = self.opened, self.host.state
        at = self.host.now
        refused = self.host.play(Move(0.0, move.verb, move.by, move.role, move.to))
        if opened is not None and move.order is None:
            asked = opened.request.roles
            may = any(move.by in self.roles.of(role, at) for role in asked)
            spoken = move.by in [each.by for each in opened.given] and move.verb == "approve"
            if not may:
                assert refused, "somebody answered for a role that they did not hold"
            elif not spoken and len(asked) == 1:
                assert not refused, "a holder was refused"
        if refused:
            assert self.host.state is was, "what was refused has changed something"
        elif move.verb == "handover":
            self.roles.hand(move)
        self.check()

    def wait(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        end = self.host.now + seconds
        while self.host.timers and self.host.finished is None:
            due = min(self.host.due[key] for key in self.host.timers)
            if due > end:
                break
            opened = self.opened
            self.host.wait(max(due - self.host.now, 0.0))
            if opened is not None:
                self.after_silence(opened)
            self.check()
        if end != float("inf"):
            self.host.now = end

    def after_silence(self, was: OpenRequest) -> None:
        """A timer of the request has fired."""
        now = self.host.state.requests[was.request.id]
        assert now.given == was.given, "silence approved"
        ended = max(was.request.until, was.quiet_until) <= self.host.now + 1e-6
        # A shift that began while it was quiet has its turn first: whoever answers now was never told.
        anew = now.shifts_at > was.shifts_at
        assert bool(now.closed) == (ended and not anew), "it ends at `until`, and at no other moment"
        if was.quiet_until > self.host.now + 1e-6:
            assert now.request.asked == was.request.asked, "somebody was paged while it was quiet"

    def all_paged(self, opened: OpenRequest) -> None:
        """Who may answer has been told of it, whoever that has become."""
        paged = {
            name for task in self.host.paged if task.request == opened.request.id for name in task.people
        }
        agreed = {given.by for given in opened.given}
        for role in opened.request.roles:
            people = self.roles.of(role, self.host.now)
            assert people <= paged or people & agreed, "somebody may answer and does not know it"

    def check(self) -> None:
        state, host = self.host.state, self.host
        opened = self.opened
        if opened is not None:
            timers = [key for key in host.timers if key.endswith("/ladder")]
            assert timers == ([] if state.paused else [opened.timer])
            assert opened.request.until >= opened.quiet_until
            if not (state.paused or opened.quiet_until or opened.due <= host.now):
                self.all_paged(opened)
            for given_by in opened.given:
                assert any(given_by.by in self.roles.of(role, host.now) for role in opened.request.roles) or (
                    given_by.by in ("dave", "erin")
                ), "an approval of a former holder still stands"
        for task in host.paged[self.seen :]:
            address = IC if task.to in (IC, "primary") and task.to not in ("sre", LEAD) else task.to
            people = self.roles.of(task.to if task.to == "primary" else address, host.now)
            assert set(task.people) == people, "somebody was paged who does not hold it now"
        self.seen = len(host.paged)
        if host.executed:
            approved = [m.by for m in state.timeline if m.kind == "decided" and m.text.startswith("approve")]
            assert approved, "a change that nobody approved"


@settings(max_examples=1500, deadline=None)
@case(
    moves,
    st.sampled_from([("alice",), ("alice", "bob"), ()]),
    st.sampled_from([(1, 1), (2, 1), (2, 2)]),
)
def test_any_order_of_what_people_do_keeps_the_promises(
    played: Moves, commander: tuple[str, ...], needed: tuple[int, int]
) -> None:
    watch = Watch(commander, *needed)
    for move in played:
        if watch.opened is None:
            return
        watch.play(move)
    if watch.host.state.paused:
        holder = min(watch.roles.of(IC, watch.host.now + 5.0))
        watch.play(Move(5.0, "resume", holder))
    watch.wait(float("inf"))
    if not watch.host.executed:
        assert watch.host.outcome in ("denied", "aborted"), "silence ended in something else"
