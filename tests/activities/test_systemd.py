"""`systemd` on hosts that each have a real manager and a real journal (see `tests.support.systemd`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from activities.action import Context
from activities.ssh import SshAction
from activities.systemd import Systemd
from activities.systemd.unit import SETTINGS, Wanted, read_unit
from stanch.errors import ActionRefused, OutcomeUnknown, Unreachable
from stanch.language.plan import Json
from tests.activities.conftest import Beats
from tests.support.sshd import start_sshd
from tests.support.systemd import Managers, start_systemd

pytestmark = [pytest.mark.xdist_group("systemd"), pytest.mark.timeout(300)]

HOSTS = ["web1", "web2"]
SHOP = """\
[Unit]
Description=The shop
[Service]
ExecStart=/bin/sh -c 'echo began >>"{log}"; [ -e "{broken}" ] || exec sleep 1000; \
    echo no such port >&2; sleep 0.7; exit 3'
ExecReload=/bin/sh -c 'echo read again >>"{log}"'
[Install]
WantedBy=default.target
"""
SLOW = "[Service]\nType=oneshot\nExecStart=/bin/sleep {seconds}\n"


@pytest.fixture(scope="module")
def managers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Managers]:
    farm = start_sshd(tmp_path_factory.mktemp("sshd"), hosts=HOSTS)
    with farm, start_systemd(farm, HOSTS) as started:
        started.install("shop.service", SHOP)
        yield started


@pytest.fixture
async def systemd(managers: Managers) -> AsyncIterator[Systemd]:
    ssh = SshAction(managers.farm.config_file)
    yield Systemd(ssh)
    await ssh.close()


@pytest.fixture
def shop(managers: Managers) -> str:
    """A unit on both hosts that is not started, and whose files are new."""
    for host in HOSTS:
        home = managers.farm[host].home
        for name in ("log", "broken"):
            (home / name).unlink(missing_ok=True)
        managers.systemctl(host, "stop", "shop.service")
        managers.systemctl(host, "reset-failed")
        # A new file has never been started.
        managers.install("shop.service", SHOP.format(log=home / "log", broken=home / "broken"), host)
    return "shop.service"


def begun(managers: Managers, host: str = "web1") -> list[str]:
    """What the shop has written there."""
    log: Path = managers.farm[host].home / "log"
    return log.read_text().splitlines() if log.exists() else []


def told(unit: str, **more: Json) -> Json:
    return {"hosts": HOSTS, "unit": unit, **more}


async def test_a_look_says_how_the_unit_is_on_each_host(
    managers: Managers, systemd: Systemd, shop: str, beats: Beats
) -> None:
    managers.systemctl("web2", "start", shop)
    beats.changes = False
    down, up = await systemd.perform(told(shop), beats.context())
    assert (down["host"], down["active"], down["pid"], down["invocation"]) == ("web1", "inactive", 0, "")
    assert (up["host"], up["active"], up["sub"], up["load"], up["unit"]) == (
        "web2",
        "active",
        "running",
        "loaded",
        shop,
    )
    assert up["pid"] == int(managers.get("web2", shop, "MainPID")) > 0
    assert up["invocation"] == managers.get("web2", shop, "InvocationID")
    assert not up["changed"]
    none = await systemd.perform(told("nobody.service"), beats.context())
    assert [each["load"] for each in none] == ["not-found", "not-found"]


async def test_what_runs_is_left_alone_and_each_host_goes_back_to_what_it_was(
    managers: Managers, systemd: Systemd, shop: str, beats: Beats
) -> None:
    managers.systemctl("web2", "start", shop)
    before = await systemd.look(told(shop, set="started"), beats.context())
    assert not before.done
    results = await systemd.perform(told(shop, set="started"), beats.context())
    assert [(each["active"], each["changed"], each["problem"]) for each in results] == [
        ("active", True, ""),
        ("active", False, ""),
    ]
    assert (await systemd.look(told(shop, set="started"), beats.context())).done
    assert before.back is not None
    back = {name: held for name, held in told(shop, **before.back).items() if held is not None}
    assert back["restore"] == [{"host": "web1", "active": False}, {"host": "web2", "active": True}]
    assert not (await systemd.look(back, beats.context())).done
    assert [each["active"] for each in await systemd.perform(back, beats.context())] == ["inactive", "active"]
    assert (await systemd.look(back, beats.context())).done
    assert begun(managers, "web2") == ["began"]


async def test_a_restart_is_another_invocation_and_happens_once_however_often_it_is_asked_for(
    managers: Managers, systemd: Systemd, shop: str, context: Context
) -> None:
    managers.systemctl("web1", "start", shop)
    managers.systemctl("web2", "start", shop)
    earlier = managers.get("web1", shop, "InvocationID")
    again = told(shop, set="restarted")
    assert not (await systemd.look(again, context)).done
    first = await systemd.perform(again, context)
    assert first[0]["invocation"] not in ("", earlier)
    assert (await systemd.look(again, context)).done
    second = await systemd.perform(again, replace(context, again=True))
    assert [each["invocation"] for each in second] == [each["invocation"] for each in first]
    assert begun(managers) == ["began", "began"]
    await systemd.release(again, context)


async def test_a_reload_keeps_the_process(
    managers: Managers, systemd: Systemd, shop: str, beats: Beats
) -> None:
    only = {"hosts": ["web1"], "unit": shop, "set": "reloaded"}
    stopped = await systemd.perform(only, beats.context(one=True))
    assert "cannot be reloaded" in stopped["problem"] or "not active" in stopped["problem"]
    managers.systemctl("web1", "start", shop)
    pid = managers.get("web1", shop, "MainPID")
    result = await systemd.perform(only, beats.context(one=True))
    assert (result["pid"], result["problem"]) == (int(pid), "")
    assert begun(managers) == ["began", "read again"]


async def test_a_service_that_dies_after_its_start_has_failed_with_its_last_words(
    managers: Managers, systemd: Systemd, shop: str, beats: Beats
) -> None:
    (managers.farm["web2"].home / "broken").touch()
    good, bad = await systemd.perform(told(shop, set="restarted", lines=5), beats.context())
    assert (good["problem"], good["log"]) == ("", [])
    assert (bad["active"], bad["result"], bad["status"]) == ("failed", "exit-code", 3)
    assert "failed (exit-code, status 3)" in bad["problem"]
    assert bad["problem"].endswith("no such port")
    assert 0 < len(bad["log"]) <= 5
    failure = systemd.failure([good, bad])
    assert failure is not None
    assert failure.startswith("1 of 2 hosts: `web2`: ")
    assert systemd.failure(good) is None


async def test_masking_stops_it_keeps_it_down_and_knows_the_way_back(
    managers: Managers, systemd: Systemd, shop: str, beats: Beats
) -> None:
    only = {"hosts": ["web1"], "unit": shop}
    managers.systemctl("web1", "start", shop)
    mask = {**only, "set": "masked"}
    before = await systemd.look(mask, beats.context(one=True))
    masked = await systemd.perform(mask, beats.context(one=True))
    assert (masked["load"], masked["active"], masked["problem"]) == ("masked", "inactive", "")
    assert (await systemd.look(mask, beats.context(one=True))).done
    with pytest.raises(ActionRefused, match=r"is masked on `web1`.*nothing was changed"):
        await systemd.look(told(shop, set="started"), beats.context())
    assert before.back is not None
    await systemd.perform({**only, "restore": before.back["restore"]}, beats.context(one=True))
    assert managers.get("web1", shop, "ActiveState") == "active"
    assert managers.get("web1", shop, "LoadState") == "loaded"


async def test_at_boot_or_not(managers: Managers, systemd: Systemd, shop: str, beats: Beats) -> None:
    only = {"hosts": ["web1"], "unit": shop}
    enabled = await systemd.perform({**only, "set": "enabled"}, beats.context(one=True))
    assert (enabled["file"], enabled["active"]) == ("enabled", "inactive")
    disabled = await systemd.perform({**only, "set": "disabled"}, beats.context(one=True))
    assert disabled["file"] == "disabled"
    with pytest.raises(ActionRefused, match=r"nothing to enable or disable on `web1`"):
        await systemd.look({**only, "unit": "basic.target", "set": "enabled"}, beats.context())


async def test_a_unit_that_one_host_does_not_have_is_changed_on_none(
    managers: Managers, systemd: Systemd, shop: str, beats: Beats
) -> None:
    managers.install("lonely.service", SLOW.format(seconds=0), "web1")
    for ask in (systemd.look, systemd.perform):
        with pytest.raises(ActionRefused, match=r"no unit `lonely.service` on `web2`; nothing was changed"):
            await ask(told("lonely.service", set="started"), beats.context())


async def test_what_works_once_and_ends_has_been_started_when_its_host_knows_of_it(
    managers: Managers, systemd: Systemd, beats: Beats
) -> None:
    managers.install("once.service", SLOW.format(seconds=0), "web1")
    start = {"hosts": ["web1"], "unit": "once", "set": "started"}
    context = beats.context(one=True)
    assert not (await systemd.look(start, context)).done
    result = await systemd.perform(start, context)
    assert (result["active"], result["problem"], result["unit"]) == ("inactive", "", "once.service")
    assert (await systemd.look(start, context)).done
    assert not (await systemd.look(start, beats.context(one=True))).done


async def test_what_takes_longer_than_the_step_has_an_unknown_end(
    managers: Managers, systemd: Systemd, beats: Beats
) -> None:
    managers.install("slow.service", SLOW.format(seconds=300), "web1")
    start = {"hosts": ["web1"], "unit": "slow", "set": "started"}
    with pytest.raises(OutcomeUnknown, match="was stopped with SIGTERM"):
        await systemd.perform(start, beats.context(one=True, timeout=3))
    managers.systemctl("web1", "stop", "slow")


async def test_who_cancels_is_told_how_it_stands_on_each_host(
    managers: Managers, systemd: Systemd, beats: Beats
) -> None:
    managers.install("slow.service", SLOW.format(seconds=300), *HOSTS)
    task = asyncio.create_task(systemd.perform(told("slow", set="started"), beats.context()))
    async with asyncio.timeout(60):
        while managers.get("web1", "slow", "ActiveState") != "activating":
            await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {(end.target, end.state) for end in beats.ends} <= {(host, "stopped") for host in HOSTS}
    for host in HOSTS:
        managers.systemctl(host, "stop", "slow")


async def test_nothing_is_told_anywhere_when_a_host_is_away(
    managers: Managers, systemd: Systemd, shop: str, beats: Beats
) -> None:
    managers.farm["web2"].stop()
    try:
        with pytest.raises(Unreachable):
            await systemd.perform(told(shop, set="started"), beats.context(timeout=20))
    finally:
        managers.farm["web2"].start()
    assert managers.get("web1", shop, "ActiveState") == "inactive"


@pytest.mark.parametrize(
    ("active", "file", "wanted", "verbs"),
    [
        ("inactive", "enabled", SETTINGS["started"], ["start"]),
        ("active", "enabled", SETTINGS["started"], []),
        ("failed", "enabled", SETTINGS["stopped"], []),
        ("active", "enabled", SETTINGS["restarted"], ["restart"]),
        ("active", "enabled", SETTINGS["masked"], ["mask", "stop"]),
        ("inactive", "masked", Wanted(active=True, file="enabled"), ["unmask", "enable", "start"]),
        ("inactive", "masked", Wanted(active=False, file="free"), ["unmask"]),
        ("active", "static", Wanted(file="free"), []),
    ],
)
def test_systemctl_is_told_only_what_differs(
    active: str, file: str, wanted: Wanted, verbs: list[str]
) -> None:
    unit = read_unit("web1", f"ActiveState={active}\nUnitFileState={file}\nLoadState=loaded\n")
    assert list(unit.verbs(wanted)) == verbs
