"""The action `flag` on files: flagd's, and plain JSON."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError

from activities.action import Context
from activities.flag import Flag, document
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, Unreachable
from stanch.language.plan import Json
from tests.activities.conftest import Beats
from tests.activities.flags import brought_back, performed, set_to, there_and_back
from tests.activities.served import until
from tests.support.flags import Ofrep, check_flagd, start_ofrep

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "tests" / "data" / "flagd" / "example.json"
EVALUATION = {"tell": True, "red": "#ff0000", "default": None}
YES_NO: Json = {"variants": {"yes": True, "no": False}}
RULE: Json = {"if": [{"ends_with": [{"var": "email"}, "@example.org"]}, "yes", "no"]}
PLAIN: Json = {
    "on": True,
    "off": False,
    "share": {"on": True, "percentage": 10, "why": "a trial"},
    "off-share": {"on": False, "percentage": 10},
    "nobody": {"on": True, "percentage": 0},
    "text": "yes",
    "wrong": {"on": True, "percentage": "much"},
    "größe/ünïcode": [1e300, 12345678901234567890123],
}
FLAGD: Json = {
    "on": {**YES_NO, "state": "ENABLED", "defaultVariant": "yes"},
    "off": {**YES_NO, "state": "ENABLED", "defaultVariant": "no"},
    "disabled": {**YES_NO, "state": "DISABLED", "defaultVariant": "yes"},
    "undecided": {**YES_NO, "state": "ENABLED", "defaultVariant": None},
    "share": {
        **YES_NO,
        "state": "ENABLED",
        "defaultVariant": "no",
        "targeting": {"fractional": [["yes", 1], ["no", 3]]},
    },
    "nobody": {
        **YES_NO,
        "state": "ENABLED",
        "defaultVariant": "no",
        "targeting": {"fractional": [["yes", 0], ["no", 1]]},
    },
    "empty": {**YES_NO, "state": "ENABLED", "defaultVariant": "no", "targeting": {}},
    "third": {
        **YES_NO,
        "state": "ENABLED",
        "defaultVariant": "no",
        "targeting": {"fractional": [["yes", 1], ["no", 2]]},
    },
    "rules": {**YES_NO, "state": "ENABLED", "defaultVariant": "no", "targeting": RULE},
    "text": {"variants": {"a": "b", "c": "d"}, "state": "ENABLED", "defaultVariant": "a"},
    "broken": {"state": "ENABLED"},
}


@pytest.fixture
def ofrep() -> Iterator[Ofrep]:
    with start_ofrep(**EVALUATION) as server:
        yield server


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    file = tmp_path / "flags.json"
    file.write_text(json.dumps(PLAIN))
    return file


@pytest.fixture
def flagd(tmp_path: Path) -> Path:
    document = json.loads(EXAMPLE.read_text())
    document["flags"].update(FLAGD)
    file = tmp_path / "flagd.json"
    file.write_text(json.dumps(document))
    return file


@pytest.fixture
async def flag(plain: Path, flagd: Path, tmp_path: Path, ofrep: Ofrep) -> AsyncIterator[Flag]:
    systems: dict[str, dict[str, Json]] = {
        "plain": {"kind": "flag_file", "file": str(plain)},
        "flagd": {"kind": "flagd_file", "file": str(flagd), "ofrep": ofrep.url, "reader": ofrep.token},
        "mute": {"kind": "flagd_file", "file": str(flagd)},
        "missing": {"kind": "flag_file", "file": str(tmp_path / "none.json")},
        "no file": {"kind": "flag_file"},
    }
    action = Flag(Systems(systems))
    yield action
    await action.close()


def held(file: Path) -> Any:
    found = json.loads(file.read_text())
    return found.get("flags", found)


@pytest.mark.parametrize(
    ("name", "asked", "on", "percentage", "there"),
    [
        ("on", "off", False, 0, False),
        ("off", "on", True, 100, True),
        ("off", True, True, 100, True),
        ("on", False, False, 0, False),
        ("off", {"percentage": 100}, True, 100, True),
        ("on", {"percentage": 0}, False, 0, False),
        ("share", "off", False, 0, {"on": False, "percentage": 10, "why": "a trial"}),
        ("share", {"percentage": 12.5}, True, 12.5, {"on": True, "percentage": 12.5, "why": "a trial"}),
        ("off-share", "on", True, 10, {"on": True, "percentage": 10}),
        ("nobody", "on", True, 100, {"on": True, "percentage": 100}),
    ],
)
async def test_a_plain_flag_is_set_in_its_own_form_and_brought_back(
    flag: Flag,
    plain: Path,
    context: Context,
    name: str,
    asked: Json,
    on: bool,
    percentage: float,
    there: Json,
) -> None:
    undo = await set_to(flag, context, server="plain", name=name, set=asked)
    assert held(plain) == {**PLAIN, name: there}
    result = await performed(flag, context, server="plain", name=name)
    assert result == {"name": name, "on": on, "percentage": percentage}
    await brought_back(flag, context, undo)
    assert held(plain) == PLAIN


@pytest.mark.parametrize(
    ("name", "asked", "on", "percentage", "changed"),
    [
        ("on", "off", False, 0, {"defaultVariant": "no"}),
        ("off", "on", True, 100, {"defaultVariant": "yes"}),
        ("disabled", "on", True, 100, {"state": "ENABLED"}),
        ("undecided", "on", True, 100, {"defaultVariant": "yes"}),
        ("share", "off", False, 0, {"defaultVariant": "no", "targeting": None}),
        ("share", {"percentage": 40}, True, 40, {"targeting": {"fractional": [["yes", 40], ["no", 60]]}}),
        (
            "on",
            {"percentage": 0.5},
            True,
            0.5,
            {"defaultVariant": "no", "targeting": {"fractional": [["yes", 500], ["no", 99500]]}},
        ),
        ("empty", "on", True, 100, {"defaultVariant": "yes", "targeting": None}),
        ("share", {"percentage": 100}, True, 100, {"defaultVariant": "yes", "targeting": None}),
        ("nobody", "on", True, 100, {"defaultVariant": "yes", "targeting": None}),
        ("rules", "off", False, 0, {"targeting": None}),
    ],
)
async def test_a_flag_of_flagd_is_set_as_its_schema_has_it_and_brought_back(
    flag: Flag,
    flagd: Path,
    context: Context,
    name: str,
    asked: Json,
    on: bool,
    percentage: float,
    changed: Any,
) -> None:
    before = held(flagd)
    undo = await set_to(flag, context, server="flagd", name=name, set=asked)
    check_flagd({"flags": {name: held(flagd)[name]}})
    result = await performed(flag, context, server="flagd", name=name)
    assert result == {"name": name, "on": on, "percentage": percentage}
    wanted = {word: there for word, there in {**before[name], **changed}.items() if there is not None}
    assert held(flagd) == {**before, name: wanted}
    await brought_back(flag, context, undo)
    assert held(flagd) == before


def test_the_flags_here_are_such_as_flagd_takes_but_for_the_broken_one() -> None:
    check_flagd({"flags": {name: there for name, there in FLAGD.items() if name != "broken"}})
    with pytest.raises(ValidationError):
        check_flagd({"flags": FLAGD})


async def test_rules_of_its_own_are_on_for_somebody_and_stay_when_it_is_switched_on(
    flag: Flag, flagd: Path, context: Context
) -> None:
    before = flagd.read_text()
    assert (await performed(flag, context, server="flagd", name="rules"))["on"]
    assert (await flag.look({"server": "flagd", "name": "rules", "set": "on"}, context)).done
    document = json.loads(before)
    document["flags"]["rules"]["state"] = "DISABLED"
    flagd.write_text(json.dumps(document))
    await there_and_back(flag, context, server="flagd", name="rules", set="on")
    undo = await set_to(flag, context, server="flagd", name="rules", set="on")
    assert held(flagd)["rules"] == json.loads(before)["flags"]["rules"]
    await brought_back(flag, context, undo)


async def test_a_third_is_a_third_as_far_as_anybody_can_say_it(flag: Flag, context: Context) -> None:
    asked = {"server": "flagd", "name": "third", "set": {"percentage": 33.333}}
    assert (await flag.look(asked, context)).done


async def test_a_list_of_flags_as_flagd_itself_takes_it_is_kept_as_one(
    flag: Flag, flagd: Path, context: Context
) -> None:
    flags = [{"key": name, **held} for name, held in FLAGD.items()]
    flagd.write_text(json.dumps({"flags": flags}))
    await set_to(flag, context, server="flagd", name="on", set="off")
    assert held(flagd) == [{**flags[0], "defaultVariant": "no"}, *flags[1:]]


@pytest.mark.parametrize("server", ["plain", "flagd"])
@pytest.mark.parametrize("name", ["on", "off", "share", "nobody"])
async def test_what_is_so_already_touches_no_file(
    flag: Flag, plain: Path, flagd: Path, context: Context, server: str, name: str
) -> None:
    file = plain if server == "plain" else flagd
    now = await performed(flag, context, server=server, name=name)
    before = (file.stat(), file.read_bytes())
    share = {"percentage": now["percentage"]}
    for asked in ("on" if now["on"] else "off", share):
        assert (await flag.look({"server": server, "name": name, "set": asked}, context)).done
        await performed(flag, context, server=server, name=name, set=asked)
    assert (file.stat(), file.read_bytes()) == before


@pytest.mark.parametrize(
    ("server", "name", "how", "family", "says"),
    [
        ("plain", "none", {"set": "off"}, ActionRefused, "`plain`: there is no flag `none` in .*flags.json"),
        ("plain", "text", {}, ActionRefused, '`text` is neither true nor false, .*: "yes"'),
        ("plain", "wrong", {"set": "off"}, ActionRefused, "`wrong` is neither true nor false"),
        (
            "plain",
            "on",
            {"set": {"percentage": 5}},
            ActionRefused,
            'is written {"on": true, "percentage": 100}',
        ),
        (
            "plain",
            "share",
            {"evaluate": {}},
            InvalidInput,
            "`share` is on for 10 %, and only its service knows",
        ),
        ("flagd", "text", {"set": "off"}, ActionRefused, "variants of `text` are not one true and one false"),
        ("flagd", "broken", {}, ActionRefused, "the flag `broken` in .*flagd.json has no `variants`"),
        ("flagd", "none", {}, ActionRefused, "there is no flag `none`"),
        ("flagd", "rules", {"set": {"percentage": 5}}, ActionRefused, "has a `targeting` of its own"),
        ("mute", "on", {"evaluate": {}}, InvalidInput, "the system `mute` needs `ofrep`"),
        ("missing", "on", {}, InvalidInput, "the worker cannot read .*none.json: No such file or directory"),
        ("missing", "on", {"set": "off"}, InvalidInput, "the worker cannot read .*none.json"),
        ("no file", "on", {}, InvalidInput, "the system `no file` is a `flag_file` and needs a `file`"),
        ("nobody", "on", {}, InvalidInput, "no system `nobody` under `systems`"),
    ],
)
async def test_why_it_failed_is_told_and_nothing_changed(
    flag: Flag, tmp_path: Path, context: Context, server: str, name: str, how: Any, family: Any, says: str
) -> None:
    files = (tmp_path / "flags.json", tmp_path / "flagd.json")
    before = [file.read_bytes() for file in files]
    with pytest.raises(family, match=says):
        await flag.perform({"server": server, "name": name, **how}, context)
    assert [file.read_bytes() for file in files] == before


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"a": NaN}', "[" * 100_000, '{"on": "\\ud800"}'])
async def test_what_is_no_file_of_flags_is_refused_and_left_alone(
    flag: Flag, plain: Path, context: Context, content: str
) -> None:
    plain.write_text(content)
    for how in ({}, {"set": "off"}):
        with pytest.raises(ActionRefused, match=r"flags\.json is no "):
            await performed(flag, context, server="plain", name="on", **how)
    assert plain.read_text() == content


@pytest.mark.parametrize(
    "said", ["much", {"percentage": 101}, {"percentage": -1}, {"percentage": True}, None, 1]
)
async def test_what_asks_for_nothing_that_there_is_is_refused(
    flag: Flag, context: Context, said: Json
) -> None:
    with pytest.raises(InvalidInput):
        await performed(flag, context, server="plain", name="on", set=said)
    with pytest.raises(InvalidInput, match="`set` is `on`, `off` or a `percentage` from 0 to 100"):
        await flag.look({"server": "plain", "name": "on", "set": said}, context)


# --- what users are told ----------------------------------------------------------------------------------


async def test_the_protocol_for_clients_is_asked_what_they_are_told(
    flag: Flag, ofrep: Ofrep, context: Context
) -> None:
    subject = {"targetingKey": "u1", "plan": "free"}
    result = await performed(flag, context, server="flagd", name="tell", evaluate=subject)
    assert result == {"name": "tell", "value": True, "on": True}
    assert ofrep.asked == [subject]
    result = await performed(flag, context, server="flagd", name="red", evaluate=subject)
    assert (result["value"], result["on"]) == ("#ff0000", False)


@pytest.mark.parametrize(
    ("name", "says"),
    [("default", "`flagd` tells clients of `default` to use their own default"), ("none", "404 Not Found")],
)
async def test_a_client_that_is_told_nothing_is_no_answer(
    flag: Flag, context: Context, name: str, says: str
) -> None:
    with pytest.raises(ActionRefused, match=says):
        await performed(flag, context, server="flagd", name=name, evaluate={"targetingKey": "u1"})


async def test_a_question_that_the_protocol_does_not_know_is_told(flag: Flag, context: Context) -> None:
    with pytest.raises(ActionRefused, match="400 Bad Request: 'targetingKey' is a required property"):
        await performed(flag, context, server="flagd", name="tell", evaluate={"plan": "free"})


async def test_a_plain_file_tells_everybody_the_same(flag: Flag, context: Context) -> None:
    for name, value in (("on", True), ("off", False), ("off-share", False)):
        result = await performed(flag, context, server="plain", name=name, evaluate={"userId": "u1"})
        assert result == {"name": name, "value": value, "on": value}


# --- the file ---------------------------------------------------------------------------------------------


async def test_many_writers_lose_nothing_of_each_other(flag: Flag, plain: Path, context: Context) -> None:
    names = [f"f{at}" for at in range(20)]
    plain.write_text(json.dumps(dict.fromkeys(names, False)))
    done = await asyncio.gather(
        *(performed(flag, context, server="plain", name=name, set="on") for name in names)
    )
    assert all(each["on"] for each in done)
    assert held(plain) == dict.fromkeys(names, True)
    assert list(plain.parent.glob(".flags.json*")) == []


async def test_what_somebody_writes_who_takes_no_lock_is_not_lost(plain: Path) -> None:
    written = iter([True])

    def edit(flags: Json) -> None:
        flags["ours"] = True
        if next(written, False):
            plain.write_text('{"theirs": true}')

    await document.change(plain, edit, 10)
    assert held(plain) == {"theirs": True, "ours": True}


OTHER = """
import asyncio, sys
from activities.action import Context
from activities.flag import Flag
from activities.systems import Systems

async def main() -> None:
    flag = Flag(Systems({"plain": {"kind": "flag_file", "file": sys.argv[1]}}))
    context = Context(key="k", timeout=30, one=False, beat=lambda _: None)
    while True:
        for value in ("on", "off"):
            await flag.perform({"name": "theirs", "set": value}, context)

asyncio.run(main())
"""


async def test_a_writer_that_is_killed_leaves_a_whole_file_and_no_lock(
    flag: Flag, plain: Path, context: Context
) -> None:
    for _ in range(3):
        plain.write_text(json.dumps({"on": True, "theirs": False}))
        command = [sys.executable, "-c", OTHER, str(plain)]
        other = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
        try:
            await until(lambda: held(plain)["theirs"], 60)
            for value in ("off", "on", "off"):
                await performed(flag, context, server="plain", name="on", set=value)
                assert held(plain)["on"] == (value == "on")
        finally:
            other.kill()
            await other.wait()
        await performed(flag, context, server="plain", name="on", set="on")
        assert held(plain)["on"]


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


async def test_who_holds_the_file_for_too_long_is_not_waited_for(
    flag: Flag, plain: Path, beats: Beats
) -> None:
    with locked(plain.parent), pytest.raises(Unreachable, match=r"others have been changing it for 200ms"):
        await performed(flag, beats.context(timeout=0.2), server="plain", name="on", set="off")
    assert held(plain) == PLAIN


async def test_one_that_is_cancelled_while_it_waits_changes_nothing(
    flag: Flag, plain: Path, context: Context
) -> None:
    with locked(plain.parent):
        task = asyncio.create_task(performed(flag, context, server="plain", name="on", set="off"))
        await asyncio.wait([task], timeout=0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await performed(flag, context, server="plain", name="off", set="on")
    assert held(plain) == {**PLAIN, "off": True}


async def test_the_file_keeps_its_mode_and_what_a_link_leads_to_is_changed(
    flag: Flag, plain: Path, context: Context
) -> None:
    real = plain.parent / "release-7" / "flags.json"
    real.parent.mkdir()
    plain.rename(real)
    plain.symlink_to(real)
    real.chmod(0o640)
    await performed(flag, context, server="plain", name="on", set="off")
    assert plain.is_symlink()
    assert held(real)["on"] is False
    assert real.stat().st_mode & 0o777 == 0o640


async def test_everything_else_in_the_file_stays_to_the_last_digit(
    flag: Flag, plain: Path, context: Context
) -> None:
    await performed(flag, context, server="plain", name="on", set="off")
    assert "12345678901234567890123" in plain.read_text()
    assert "größe/ünïcode" in plain.read_text()
    assert list(held(plain)) == list(PLAIN)


NOBODY = """
import asyncio, os, sys
from activities.action import Context
from activities.flag import Flag
from activities.systems import Systems
from stanch.errors import ActionRefused

async def main() -> None:
    flag = Flag(Systems({"plain": {"kind": "flag_file", "file": sys.argv[1]}}))
    context = Context(key="k", timeout=30, one=False, beat=lambda _: None)
    await flag.perform({"name": "on"}, context)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        await flag.perform({"name": "on", "set": "off"}, context)
    except ActionRefused as error:
        print(error)

asyncio.run(main())
"""


def test_a_folder_that_the_worker_may_not_write_to_is_told() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "flags.json")
        file.write_text(json.dumps(PLAIN))
        Path(folder).chmod(0o555)
        command = [sys.executable, "-c", NOBODY, str(file)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout + done.stderr == f"{file} was not changed: Permission denied\n"
        assert held(file) == PLAIN
        Path(folder).chmod(0o755)
