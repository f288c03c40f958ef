"""What steps have given, as the question behind them and the view of the run tell it."""

from __future__ import annotations

from stanch.conductor import describe
from stanch.conductor.within import PLOTS
from stanch.contract import RunView
from stanch.language.plan import Call, ForEach, Json, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

ANSWER: Json = {"method": "GET", "url": "http://x/look", "status": 200, "accepted": True, "seconds": 0.02}
SERIES: Json = [{"labels": {}, "points": [[60.0 * at, float(at)] for at in range(8)]}]
RANGE: Json = {"query": "up", "type": "range", "series": SERIES, "step": 60.0, "value": 7.0}
LINE = "▁▂▃▄▅▆▇█ 0 .. 7, last 7, 8 points in 7m"


def prometheus(**fields: Json) -> Step:
    return Step(id="look", title="Look", call=Call("prometheus", {"query": "up"}), **fields)


def asked(step: Step, result: Json) -> Host:
    return Host(given(plan(step, change()), revision=2)).start().succeed(result)


def view(host: Host) -> RunView:
    return describe.view(host.state, host.state.started)


def test_a_read_without_outputs_is_told_in_a_line() -> None:
    host = asked(read(), ANSWER)
    assert host.request.evidence == ("look: GET http://x/look: 200 in 20 ms",)
    assert host.told("step_succeeded") == ["GET http://x/look: 200 in 20 ms"]


def test_what_the_author_gives_on_is_told_instead() -> None:
    host = asked(read(outputs={"status": "result.status"}), ANSWER)
    assert host.request.evidence == ("look.status = 200",)


def test_an_answer_of_another_form_is_not_told() -> None:
    assert asked(read(), {"odd": 1}).request.evidence == ()


def test_series_are_told_as_a_line() -> None:
    host = asked(prometheus(outputs={"rate": "result.series", "now": "result.value"}), RANGE)
    assert host.request.evidence == (f"look.rate = {LINE}", "look.now = 7")
    assert host.told("step_succeeded") == [f"rate = {LINE}, now = 7"]


def test_a_change_is_not_told_as_if_it_had_been_looked_at() -> None:
    host = Host(given(plan(change(), change("more")), revision=2)).start().decide("approve")
    host = host.succeed({"rc": 0, "stdout": "done", "stderr": ""})
    assert host.request.evidence == ()


def test_rounds_of_a_loop_keep_their_items() -> None:
    loop = read(for_each=ForEach("n", [1], (1,)))
    assert "look: GET" not in str(asked(loop, ANSWER).request.evidence)


def test_the_view_has_series_of_outputs_and_of_steps_without() -> None:
    (plot,) = view(asked(prometheus(outputs={"rate": "result.series", "now": "result.value"}), RANGE)).plots
    assert (plot.name, plot.series) == ("look.rate", SERIES)
    (plot,) = view(asked(prometheus(), RANGE)).plots
    assert (plot.name, plot.series) == ("look", SERIES)
    assert view(asked(read(), ANSWER)).plots == ()


def test_a_view_has_no_more_series_than_a_query_can_answer() -> None:
    points = [[float(at), 0.123456789] for at in range(PLOTS // 20)]
    seen = view(asked(prometheus(), {**RANGE, "series": [{"labels": {}, "points": points}]}))
    assert seen.plots == ()
    assert "1 older plots" in seen.left_out
