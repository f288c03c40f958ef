"""`deploy` on a host, over SSH: what it switches, what it refuses, what it writes down."""

from __future__ import annotations

import fcntl
import json
import re
import threading

from devtools.demo.process import Demo
from devtools.demo.release import BAD, GOOD
from tests.devtools.support import Outcome, run_on


def log(demo: Demo, host: str) -> list[dict[str, str]]:
    path = demo.state / "hosts" / host / "deploys.log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def switches(demo: Demo, host: str) -> list[tuple[str, str, str]]:
    return [(entry["from"], entry["to"], entry["command"]) for entry in log(demo, host)]


def release(demo: Demo, host: str) -> str:
    return str(json.loads(run_on(demo, host, "deploy current checkout --json").stdout)["release"])


ROLLED_BACK = (BAD, GOOD, "deploy rollback checkout")


def test_current_says_what_runs_and_changes_nothing(hosts: Demo) -> None:
    current = json.loads(run_on(hosts, "web2", "deploy current checkout --json").stdout)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", current.pop("since"))
    assert current == {"service": "checkout", "host": "web2", "release": BAD, "previous": GOOD}
    assert log(hosts, "web2") == []


def test_current_speaks_to_people_too(hosts: Demo) -> None:
    said = run_on(hosts, "web2", "deploy current checkout").stdout.decode()
    assert re.fullmatch(rf"web2: {BAD} since \S+Z, before it {GOOD}\n", said)


def test_a_rollback_switches_its_own_host_once(demo: Demo) -> None:
    assert run_on(demo, "web1", "deploy rollback checkout") == Outcome(
        0, f"web1: {BAD} -> {GOOD}\n".encode(), b""
    )
    assert [release(demo, host) for host in demo.hosts] == [GOOD, BAD, BAD]
    assert switches(demo, "web1") == [ROLLED_BACK]
    assert log(demo, "web2") == []


def test_a_second_rollback_is_refused_and_leaves_no_trace(demo: Demo) -> None:
    run_on(demo, "web1", "deploy rollback checkout")
    since = log(demo, "web1")[0]["time"]
    why = f"web1 runs {GOOD} since {since} and has no release before it: already rolled back"
    again = run_on(demo, "web1", "deploy rollback checkout")
    assert again == Outcome(3, b"", f"deploy: {why}\n".encode())
    assert release(demo, "web1") == GOOD
    assert len(log(demo, "web1")) == 1


def test_a_redeploy_puts_the_release_back_and_can_be_rolled_back_again(demo: Demo) -> None:
    run_on(demo, "web1", "deploy rollback checkout")
    redeployed = run_on(demo, "web1", f"deploy redeploy checkout {BAD}")
    assert redeployed == Outcome(0, f"web1: {GOOD} -> {BAD}\n".encode(), b"")
    assert run_on(demo, "web1", "deploy rollback checkout").status == 0
    assert switches(demo, "web1") == [
        ROLLED_BACK,
        (GOOD, BAD, f"deploy redeploy checkout {BAD}"),
        ROLLED_BACK,
    ]


def test_a_redeploy_of_what_runs_already_does_nothing(hosts: Demo) -> None:
    outcome = run_on(hosts, "web3", f"deploy redeploy checkout {BAD}")
    assert outcome == Outcome(0, f"web3: {BAD} is already in place\n".encode(), b"")
    assert log(hosts, "web3") == []


def test_of_rollbacks_at_the_same_time_one_wins(demo: Demo) -> None:
    outcomes: list[Outcome] = []

    def rollback() -> None:
        outcomes.append(run_on(demo, "web1", "deploy rollback checkout"))

    threads = [threading.Thread(target=rollback) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.status for outcome in outcomes) == [0, 3, 3, 3, 3]
    assert switches(demo, "web1") == [ROLLED_BACK]


def test_a_switch_waits_for_the_one_before_it(demo: Demo) -> None:
    with (demo.state / "hosts/web1/.deploy.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = threading.Thread(target=run_on, args=(demo, "web1", "deploy rollback checkout"))
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        assert log(demo, "web1") == []
    waiting.join()
    assert switches(demo, "web1") == [ROLLED_BACK]


def test_what_the_host_does_not_have_is_wrong_usage(hosts: Demo) -> None:
    assert run_on(hosts, "web1", "deploy current chekout") == Outcome(
        2, b"", b"deploy: web1 does not run `chekout`; it runs checkout\n"
    )
    assert run_on(hosts, "web1", "deploy redeploy checkout 2026.12.1") == Outcome(
        2, b"", f"deploy: web1 has no release `2026.12.1`; it has {GOOD}, {BAD}\n".encode()
    )
    assert run_on(hosts, "web1", "deploy rollback").status == 2


def test_off_a_host_it_says_where_it_belongs(hosts: Demo) -> None:
    outcome = run_on(hosts, "web1", "unset STANCH_DEMO_HOST; deploy current checkout")
    assert outcome == Outcome(
        3, b"", b"deploy: STANCH_DEMO_HOST is not set; run `deploy` on a host of the demo, over SSH\n"
    )


def test_a_disk_that_takes_nothing_leaves_the_host_as_it_was(demo: Demo) -> None:
    outcome = run_on(demo, "web1", "ulimit -f 0; deploy rollback checkout")
    assert outcome == Outcome(3, b"", b"deploy: nothing was switched: File too large\n")
    assert release(demo, "web1") == BAD
    assert log(demo, "web1") == []


def test_a_disk_that_fills_up_half_way_leaves_the_host_and_its_log_as_they_were(demo: Demo) -> None:
    path = demo.state / "hosts/web1/deploys.log"
    # `ulimit -f` counts blocks of 512 bytes: the new `current` fits into one, the longer log does not.
    before = "{}\n" * 150
    path.write_text(before)
    outcome = run_on(demo, "web1", "ulimit -f 1; deploy rollback checkout")
    assert outcome == Outcome(3, b"", b"deploy: nothing was switched: File too large\n")
    assert release(demo, "web1") == BAD
    assert path.read_text() == before
    assert sorted(entry.name for entry in path.parent.iterdir() if entry.name.startswith(".current")) == []
