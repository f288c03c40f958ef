"""Real Ansible over real OpenSSH: what it does on the hosts, what it says of them, and what ends it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from jsonschema import Draft202012Validator

from activities.action import Context
from activities.ansible.action import AnsibleAction
from activities.ansible.job import read_job
from activities.ansible.recap import Recap
from stanch.client.payloads import data_converter
from stanch.contract import ActionReport
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.support.sshd import Farm, unused_port

ROOT = Path(__file__).resolve().parents[2]
EVALUATED = Path(tempfile.gettempdir()) / "stanch-evaluated"
TEMPLATE = f"{{{{ lookup('pipe', 'touch {EVALUATED}') }}}}"

MIXED = [
    {
        "name": "mixed",
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"name": "keep the value", "copy": {"content": "{{ wanted }}", "dest": "~/wanted"}},
            {"name": "count", "command": "echo {{ number + 1 }}", "changed_when": False},
            {"name": "try", "command": "ls /nowhere", "ignore_errors": True},
            {
                "name": "careful",
                "block": [{"name": "break", "fail": {"msg": "on purpose"}}],
                "rescue": [{"name": "mend", "debug": {"msg": "mended"}}],
            },
            {
                "name": "restart api",
                "command": "sh -c 'echo no such unit >&2; exit 5'",
                "when": "inventory_hostname == 'web2'",
            },
        ],
    }
]


@pytest.fixture(autouse=True)
def _no_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_SSH_USETTY", "False")


@pytest.fixture
def farm(farm: Farm) -> Farm:
    """The hosts, once the commands of earlier tests are gone: a test finds only its own."""
    deadline = time.monotonic() + 30
    while any(sleeping(farm, name) for name in farm.hosts):
        assert time.monotonic() < deadline, "an earlier test's command still runs"
        time.sleep(0.05)
    return farm


@pytest.fixture
def short_tmp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the private folders of this test are made; its path leaves room for the name of a socket."""
    with tempfile.TemporaryDirectory(prefix="st-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mixed.yml").write_text(yaml.safe_dump(MIXED, sort_keys=False))
    return folder


@pytest.fixture
def ansible(farm: Farm, project: Path, short_tmp: Path) -> Iterator[AnsibleAction]:
    yield AnsibleAction(project, farm.config_file)
    assert list(short_tmp.iterdir()) == [], "the private folder is still there"
    assert processes_with(str(short_tmp)) == []


def processes_with(text: str) -> list[str]:
    """The command lines of all processes that have `text` in theirs or in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            if process.pid != os.getpid() and (text in line or text in str(process.environ())):
                found.append(line)
        except psutil.Error:
            continue
    return found


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


def sleeping(farm: Farm, name: str = "web1") -> bool:
    return farm[name].executes("sleep")


def check_schema(result: Any) -> None:
    Draft202012Validator(load_catalogue().actions["ansible"].result).validate(result)


# --- what it does ------------------------------------------------------------------------------------------


async def test_a_module_gives_each_hosts_answer_in_the_order_of_the_step(
    ansible: AnsibleAction, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a worker's environment may have, and ansible-runner would misread.
    monkeypatch.setenv("JOB_ID", "nightly")
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "minimal")
    result = await ansible.perform({"module": "ansible.builtin.ping", "hosts": ["web2", "web1"]}, context)
    check_schema(result)
    assert (result["rc"], result["changed"], result["truncated"]) == (0, False, False)
    assert [(host["host"], host["status"], host["result"]["ping"]) for host in result["hosts"]] == [
        ("web2", "ok", "pong"),
        ("web1", "ok", "pong"),
    ]
    assert "PLAY RECAP" in result["stdout"]
    assert ansible.failure(result) is None


@pytest.mark.parametrize(
    ("module", "args", "stdout"),
    [
        ("ansible.builtin.shell", f'echo "$STANCH_HOST" "{TEMPLATE}"', f"web1 {TEMPLATE}"),
        (
            "command",
            {"argv": ["echo", TEMPLATE, 'it\'s "ü"\n# yes: [no']},
            TEMPLATE + ' it\'s "ü"\n# yes: [no',
        ),
    ],
)
async def test_arguments_are_data_and_no_templates(
    ansible: AnsibleAction, context: Context, module: str, args: Any, stdout: str
) -> None:
    result = await ansible.perform({"module": module, "args": args, "hosts": ["web1"]}, context)
    assert result["hosts"][0]["result"]["stdout"] == stdout
    assert not EVALUATED.exists()


async def test_a_playbook_says_what_each_host_did(
    ansible: AnsibleAction, farm: Farm, context: Context
) -> None:
    values = {"wanted": TEMPLATE, "number": 41}
    result = await ansible.perform(
        {"playbook": "mixed.yml", "hosts": ["web1", "web2"], "vars": values}, context
    )
    check_schema(result)
    web1, web2 = result["hosts"]
    assert (result["rc"], result["changed"], web1["status"], web2["status"]) == (2, True, "ok", "failed")
    assert [(task["name"], task["status"]) for task in web1["tasks"]] == [
        ("keep the value", "changed"),
        ("try", "ignored"),
        ("break", "failed"),  # rescued
    ]
    assert (web1["skipped"], web1["failures"], web1["msg"]) == (1, 0, "")
    assert (web2["failures"], web2["tasks"][-1]) == (1, {"name": "restart api", "status": "failed"})
    assert ansible.failure(result) == (
        "ansible ended with status 2; 1 of 2 hosts: "
        "`web2` failed in `restart api`: non-zero return code: no such unit"
    )
    # Variables keep their types, and a text in braces is a text.
    assert (farm["web1"].home / "wanted").read_text() == TEMPLATE
    assert not EVALUATED.exists()


async def test_an_inventory_in_the_runbook_has_groups_and_variables(
    ansible: AnsibleAction, context: Context
) -> None:
    inventory = {
        "eu": {"hosts": {"web1": {"zone": "{{ 1 + 1 }}"}, "web2": None}, "vars": {"zone": "b"}},
        "us": {"hosts": {"web3": None}, "vars": {"zone": "c"}},
    }
    plays = [{"hosts": "all", "gather_facts": False, "tasks": [{"name": "zone", "raw": "echo {{ zone }}"}]}]
    params = {"playbook": plays, "hosts": "eu:us", "limit": "!web2", "inventory": inventory, "forks": 1}
    result = await ansible.perform(params, context)
    assert {host["host"]: host["status"] for host in result["hosts"]} == {"web1": "ok", "web3": "ok"}


async def test_long_results_are_cut_and_say_so(ansible: AnsibleAction, context: Context) -> None:
    result = await ansible.perform(
        {"module": "command", "args": "seq 1 100000", "hosts": ["web1", "web2"]}, context
    )
    assert result["truncated"] is True
    for host in result["hosts"]:
        assert host["result"]["stdout"].startswith("1\n2\n")
        assert "bytes cut" in host["result"]["stdout"]
        assert host["result"]["stdout"].endswith("\n100000")
    assert len(json.dumps(result)) < 256 * 1024


# --- what it refuses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({}, "give `playbook` or `module`"),
        ({"module": "ping", "playbook": "mixed.yml"}, "give `playbook` or `module`"),
        ({"playbook": "../outside.yml"}, "`../outside.yml` is not inside"),
        ({"playbook": "/etc/passwd"}, "`/etc/passwd` is not inside"),
        ({"playbook": "link.yml"}, "`link.yml` is not inside"),
        ({"playbook": "."}, "`.` is not inside"),
        ({"playbook": "none.yml"}, "there is no `none.yml`"),
        ({"playbook": []}, "a list of plays"),
        ({"playbook": "mixed.yml", "args": {}}, "`args` belongs to `module`"),
        ({"module": "rm -rf"}, "no name of a module"),
        ({"module": "service", "args": "nginx"}, "`nginx`, which is no `name=value`"),
        ({"module": "ping", "hosts": []}, "`hosts` is empty"),
        ({"module": "ping", "hosts": ["all", "!web1"]}, "`!web1`, which is no host name"),
        ({"module": "ping", "hosts": "@/etc/passwd"}, "no host pattern"),
        ({"module": "ping", "hosts": "--help"}, "no host pattern"),
        ({"module": "ping", "hosts": "{{ x }}"}, "no host pattern"),
        ({"module": "ping", "hosts": "all"}, "`inventory` must say which hosts"),
        ({"module": "ping", "inventory": "../hosts"}, "`../hosts` is not inside"),
        ({"module": "ping", "inventory": {}}, "`inventory` must be"),
        ({"module": "ping", "limit": "a,b"}, "`limit` is `a,b`"),
        ({"module": "ping", "vars": {"a-b": 1}}, "`a-b`, which is no name"),
        ({"module": "ping", "forks": 0}, "`forks` is `0`"),
        ({"module": "ping", "check": "yes"}, "`check` is `yes`"),
        ({"module": "ping", "as": "root"}, "no parameter `as`"),
    ],
)
def test_wrong_parameters_are_named(project: Path, params: dict[str, Any], says: str) -> None:
    (project.parent / "outside.yml").write_text("[]")
    (project / "link.yml").symlink_to("../outside.yml")
    with pytest.raises(InvalidInput, match=r"^ansible: ") as raised:
        read_job({"hosts": ["web1"], **params}, project)
    assert says in str(raised.value)


def test_without_a_project_there_are_no_paths() -> None:
    with pytest.raises(InvalidInput, match="the worker has no Ansible project"):
        read_job({"playbook": "site.yml", "hosts": ["web1"]}, None)


@pytest.mark.parametrize(
    ("tasks", "hosts", "says"),
    [
        ([{"no_such_module": {}}], "all", "couldn't resolve module/action 'no_such_module'"),
        ([{"debug": {"msg": "x"}}], "others", "no host matches"),
    ],
)
async def test_plays_that_do_not_begin_are_the_authors_matter(
    ansible: AnsibleAction, context: Context, tasks: list[Any], hosts: str, says: str
) -> None:
    plays = [{"hosts": hosts, "gather_facts": False, "tasks": tasks}]
    with pytest.raises(
        InvalidInput, match=r"^ansible: nothing was executed: the plays, hosts `web1`: "
    ) as raised:
        await ansible.perform({"playbook": plays, "hosts": ["web1"]}, context)
    assert says in str(raised.value)


# --- what ends it ------------------------------------------------------------------------------------------


@pytest.fixture
def with_down(farm: Farm, project: Path, short_tmp: Path, tmp_path: Path) -> AnsibleAction:
    """As `ansible`, with a host `down` that refuses connections and one `odd` whose host key is unknown."""
    (tmp_path / "known").write_text("")
    (tmp_path / "config").write_text(
        f"Host down\n    HostName 127.0.0.1\n    Port {unused_port()}\n"
        f"Host odd\n    HostName 127.0.0.1\n    Port {farm['web3'].port}\n"
        f"    UserKnownHostsFile {tmp_path / 'known'}\n"
        f"Host *\nInclude {farm.config_file}\n"
    )
    return AnsibleAction(project, tmp_path / "config")


async def test_hosts_that_cannot_be_reached_at_all_are_unreachable(
    with_down: AnsibleAction, context: Context
) -> None:
    plays = [{"hosts": "all", "gather_facts": False, "tasks": [{"debug": {"msg": "here"}}, {"ping": {}}]}]
    with pytest.raises(Unreachable, match=r"^nothing was executed: `down` unreachable in `ping`: .*refused$"):
        await with_down.perform({"playbook": plays, "hosts": ["down"]}, context)


async def test_an_unknown_host_key_is_refused(
    with_down: AnsibleAction, farm: Farm, tmp_path: Path, context: Context
) -> None:
    logins = farm["web3"].logins()
    with pytest.raises(ActionRefused, match="`odd` unreachable in `ping`: Host key verification failed"):
        await with_down.perform({"module": "ping", "hosts": ["odd"]}, context)
    assert farm["web3"].logins() == logins
    assert (tmp_path / "known").read_text() == ""


async def test_some_unreachable_hosts_are_a_failure_beside_what_the_others_did(
    with_down: AnsibleAction, context: Context
) -> None:
    result = await with_down.perform({"module": "ping", "hosts": ["down", "web1"]}, context)
    check_schema(result)
    assert [host["status"] for host in result["hosts"]] == ["unreachable", "ok"]
    said = with_down.failure(result)
    assert said is not None
    assert said.startswith("ansible ended with status 4; 1 of 2 hosts: `down` unreachable in `ping`: ")


async def test_a_connection_cut_in_mid_task_leaves_the_outcome_unknown(
    ansible: AnsibleAction, farm: Farm, context: Context
) -> None:
    plays = [
        {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [{"name": "migrate", "command": "sleep 20", "when": "inventory_hostname == 'web1'"}],
        }
    ]
    running = asyncio.create_task(ansible.perform({"playbook": plays, "hosts": ["web1", "web2"]}, context))
    await until(lambda: sleeping(farm))
    farm["web1"].cut()
    with pytest.raises(OutcomeUnknown) as raised:
        await running
    assert str(raised.value).startswith("the plays broke off; `web1` may have done `migrate` or not: ")
    assert str(raised.value).endswith("; `web2` skipped")


async def test_cancelling_in_mid_run_leaves_no_process_and_none_has_shown_what_the_step_was_given(
    ansible: AnsibleAction, farm: Farm, short_tmp: Path, beats: Beats
) -> None:
    params = {
        "module": "command",
        "args": "sleep 20",
        "hosts": ["web1", "web2"],
        "vars": {"token": "s3cr3t-value"},
    }
    running = asyncio.create_task(ansible.perform(params, beats.context()))
    await until(lambda: sleeping(farm, "web1") and sleeping(farm, "web2"))
    assert processes_with(str(short_tmp))
    assert processes_with("s3cr3t-value") == []
    before = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - before < 8
    assert processes_with(str(short_tmp)) == []
    assert [(end.target, end.state) for end in beats.ends] == [("web1", "unknown"), ("web2", "unknown")]
    await until(lambda: farm["web1"].sessions() == [])


async def test_a_run_that_outlives_its_time_is_ended_and_unknown(
    ansible: AnsibleAction, farm: Farm, beats: Beats
) -> None:
    for timeout in (3, 12, 48):  # how long Ansible takes to begin is the machine's affair
        with pytest.raises((OutcomeUnknown, Unreachable)) as raised:
            await ansible.perform(
                {"module": "command", "args": "sleep 60", "hosts": ["web1"]}, beats.context(timeout=timeout)
            )
        if raised.type is OutcomeUnknown:
            break
    assert str(raised.value) == (
        f"module `command` was still running after {timeout}s and was ended; "
        "`web1` may have done `command` or not"
    )


async def test_a_run_with_no_time_to_begin_is_unreachable(ansible: AnsibleAction, beats: Beats) -> None:
    with pytest.raises(
        Unreachable, match=r"^nothing was executed: module `ping` had not begun a task after 0s$"
    ):
        await ansible.perform({"module": "ping", "hosts": ["web1"]}, beats.context(timeout=0.2))


async def test_it_says_how_far_it_is_and_holds_nothing_else_up(ansible: AnsibleAction, beats: Beats) -> None:
    params = {"module": "command", "args": "sleep 3", "hosts": ["web1"]}
    running = asyncio.create_task(ansible.perform(params, beats.context()))
    longest, last = 0.0, time.monotonic()
    while not running.done():
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert (await running)["rc"] == 0
    # How long Ansible takes to start is the machine's affair, so the first note may be of either.
    assert set(beats.notes) <= {"starting", "command", "command: web1"}
    assert beats.notes.count("command") >= 2
    assert beats.notes[-1] == "command: web1"
    assert longest < 2.5


STARTER = """\
import asyncio, sys
from pathlib import Path
from activities.action import Context
from activities.ansible.action import AnsibleAction
params = {"module": "command", "args": "sleep 20", "hosts": ["web1"]}
context = Context(key="", timeout=60, one=False, beat=lambda note: None)
asyncio.run(AnsibleAction(None, Path(sys.argv[1])).perform(params, context))
"""


async def test_a_worker_that_is_killed_takes_its_ansible_with_it(farm: Farm, short_tmp: Path) -> None:
    with subprocess.Popen(  # noqa: ASYNC220 - it only starts
        [sys.executable, "-c", STARTER, str(farm.config_file)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(short_tmp)},
        stderr=subprocess.DEVNULL,
    ) as worker:
        await until(lambda: sleeping(farm))
        os.kill(worker.pid, signal.SIGKILL)
    await until(lambda: processes_with(str(short_tmp)) == [])
    assert list(short_tmp.iterdir()) == []


# --- the recap, where no server can be made to do it -------------------------------------------------------


def event(kind: str, host: str, **res: Any) -> dict[str, Any]:
    data = {"host": host, "task": "restart", "resolved_action": "ansible.builtin.service", "res": res}
    return {"event": kind, "stdout": "", "event_data": data}


@pytest.mark.parametrize(
    ("message", "doubtful"),
    [
        (
            "Failed to connect to the host via ssh: ssh: connect to host a port 22: Connection timed out",
            False,
        ),
        ("Failed to connect to the host via ssh: root@a: Permission denied (publickey).", False),
        ("Failed to connect to the host via ssh: kex_exchange_identification: read: Connection reset", False),
        ("Failed to connect to the host via ssh: ssh: Could not resolve hostname a: Name or service", False),
        ("Failed to connect to the host via ssh: Shared connection to a closed.", True),
        ("Failed to connect to the host via ssh: client_loop: send disconnect: Broken pipe", True),
        ("Data could not be sent to remote host", True),
        ("timed out", True),
    ],
)
def test_only_a_connection_that_was_never_made_is_sure_to_have_done_nothing(
    message: str, doubtful: bool
) -> None:
    recap = Recap()
    recap.add(event("runner_on_start", "a"))
    recap.add(event("runner_on_unreachable", "a", unreachable=True, msg=message))
    assert (recap.hosts["a"].doubtful == "restart") is doubtful
    assert recap.untouched is not doubtful


def test_a_task_without_an_end_is_in_doubt_until_ansible_has_counted() -> None:
    recap = Recap()
    recap.add(event("runner_on_start", "a"))
    assert recap.hosts["a"].doubtful == "restart"
    recap.add({"event": "playbook_on_stats", "stdout": "", "event_data": {"ok": {"a": 1}}})
    assert recap.hosts["a"].doubtful == ""


def test_what_returns_the_arguments_is_left_out() -> None:
    recap = Recap()
    recap.add(event("runner_on_ok", "a", state="started", invocation={"module_args": {"token": "x"}}))
    (host,) = recap.result(0, ("a",), module=True)["hosts"]
    assert host["result"] == {"state": "started"}


def test_many_hosts_share_the_space_of_one_answer() -> None:
    recap = Recap()
    for number in range(200):
        for _ in range(20):
            recap.add(event("runner_on_failed", f"node{number}", msg="m" * 5000, stdout="s" * 20_000))
    result = recap.result(2, (), module=True)
    check_schema(result)
    assert result["truncated"] is True
    assert len(json.dumps(result)) < 1024 * 1024


# --- what it may know ---------------------------------------------------------------------------------------


async def test_what_runs_here_is_not_told_stanchs_settings_and_a_history_can_hold_what_it_prints(
    ansible: AnsibleAction, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANCH_GATEWAY_ALERT_TOKEN", "canary-of-the-gateway")
    here = {"all": {"hosts": {"here": {"ansible_connection": "local"}}}}
    step = {"module": "raw", "args": "env; printf 'up\\000\\377\\n'", "hosts": ["here"], "inventory": here}
    result = await ansible.perform(step, context)
    told = result["hosts"][0]["result"]["stdout"]
    assert "ANSIBLE_SSH_ARGS=" in told
    assert "canary" not in json.dumps(result)
    report = ActionReport(result)
    assert await data_converter.decode(await data_converter.encode([report]), [ActionReport]) == [report]
    assert "up" in told
    assert "\0" not in told


async def test_a_host_that_prints_an_event_is_not_believed(ansible: AnsibleAction, context: Context) -> None:
    forged = {"uuid": "x", "event": "playbook_on_stats", "event_data": {"ok": {"web9": 1}}}
    data = base64.b64encode(json.dumps(forged).encode()).decode()
    mark = f"\x1b[K{data}\x1b[{len(data)}D\x1b[K"
    here = {"all": {"hosts": {"here": {"ansible_connection": "local"}}}}
    plays = [{"hosts": "all", "gather_facts": False, "tasks": [{"fail": {"msg": f"a{mark}b{mark}c"}}]}]
    result = await ansible.perform({"playbook": plays, "hosts": ["here"], "inventory": here}, context)
    assert [(host["host"], host["status"]) for host in result["hosts"]] == [("here", "failed")]
