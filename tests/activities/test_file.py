"""Files of real hosts: read, written whole or not at all, removed, and brought back."""

from __future__ import annotations

import asyncio
import base64
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from activities.action import Context
from activities.attempt.parameters import Parameters
from activities.file import File
from activities.file.action import KEPT
from activities.file.state import LARGEST
from activities.ssh import SshAction
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.language.plan import Json
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.activities.held import own, until
from tests.support.sshd import Farm, Host

SPEC = load_catalogue().actions["file"]
NASTY = "it's\n\\n $HOME `id` \x1e\n\nno end"


class Checked(File):
    """What goes in and comes out is what the schema says."""

    async def perform(self, params: Any, context: Context) -> Json:
        Parameters(SPEC).check(params)
        result = await super().perform(params, context)
        for each in [result] if context.one else result:
            Draft202012Validator(SPEC.result).validate(each)
        return result


@pytest.fixture
def file(ssh: SshAction) -> File:
    return Checked(ssh)


@pytest.fixture
def conf(web1: Host) -> Path:
    """A path on web1 where nothing is yet, with a blank in it."""
    folder = web1.home / "etc app"
    folder.mkdir(exist_ok=True)
    for each in folder.iterdir():
        each.unlink()
    own(folder, web1.user)
    return folder / "app.conf"


def made(path: Path, content: str | bytes, host: Host, mode: int = 0o640) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    own(path, host.user)
    return path


def at(path: Path, *hosts: str, **params: Any) -> dict[str, Any]:
    return {"hosts": list(hosts or ["web1"]), "path": str(path), **params}


def after(params: dict[str, Any], back: Any) -> dict[str, Any]:
    """The call that the engine makes of a way back."""
    both = {**params, **back}
    return {name: held for name, held in both.items() if name not in back or held is not None}


async def test_a_file_is_read_with_what_there_is_to_know(
    file: File, web1: Host, conf: Path, one: Context
) -> None:
    made(conf, NASTY, web1)
    entry = conf.stat()
    assert await file.perform(at(conf), one) == {
        "host": "web1",
        "path": str(conf),
        "exists": True,
        "changed": False,
        "size": len(NASTY),
        "mode": "0640",
        "owner": f"{entry.st_uid}:{entry.st_gid}",
        "content": NASTY,
    }


async def test_what_is_no_text_is_read_and_written_as_base64(
    file: File, web1: Host, conf: Path, one: Context
) -> None:
    content = bytes(range(256)) * 3
    said = base64.b64encode(content).decode()
    await file.perform(at(conf, content=said, encoding="base64"), one)
    assert conf.read_bytes() == content
    assert (await file.perform(at(conf, encoding="base64"), one))["content"] == said
    with pytest.raises(ActionRefused, match=r"`web1`: .* is no text; read it with `encoding: base64`"):
        await file.perform(at(conf), one)


async def test_an_absent_file_and_one_that_may_not_be_read_are_told_apart(
    file: File, web1: Host, conf: Path, one: Context
) -> None:
    result = await file.perform(at(conf), one)
    assert (result["exists"], "content" in result) == (False, False)
    made(conf, "x", web1, mode=0)
    with pytest.raises(ActionRefused, match="Permission denied"):
        await file.perform(at(conf), one)
    conf.parent.chmod(0)
    try:
        for params in (at(conf), at(conf, content="y"), at(conf, absent=True)):
            with pytest.raises(ActionRefused, match="Permission denied"):
                await file.perform(params, one)
    finally:
        conf.parent.chmod(0o755)
    assert conf.read_text() == "x"


async def test_a_file_that_is_too_large_is_refused_and_not_cut(
    file: File, web1: Host, conf: Path, one: Context
) -> None:
    made(conf, "x" * (LARGEST + 1), web1)
    with pytest.raises(ActionRefused, match=f"has {LARGEST + 1} bytes, and at most {LARGEST} are read"):
        await file.perform(at(conf), one)
    with pytest.raises(InvalidInput, match=f"at most {LARGEST} are written"):
        await file.perform(at(conf, content="x" * (LARGEST + 1)), one)
    made(conf, "x" * LARGEST, web1)
    assert len((await file.perform(at(conf), one))["content"]) == LARGEST


async def test_a_write_is_known_to_be_in_place_and_goes_back(
    file: File, web1: Host, conf: Path, one: Context
) -> None:
    made(conf, "old\n", web1)
    change = at(conf, content=NASTY, mode="0600")
    before = await file.look(change, one)
    assert not before.done
    result = await file.perform(change, one)
    assert (result["changed"], result["mode"], result["size"]) == (True, "0600", len(NASTY))
    assert (conf.read_text(), conf.stat().st_mode & 0o777) == (NASTY, 0o600)
    assert (await file.look(change, one)).done
    assert not (await file.perform(change, one))["changed"]

    back = after(change, before.back)
    assert not (await file.look(back, one)).done
    await file.perform(back, one)
    assert (conf.read_text(), conf.stat().st_mode & 0o777) == ("old\n", 0o640)
    assert (await file.look(back, one)).done
    assert list(conf.parent.iterdir()) == [conf]


async def test_a_file_that_was_not_there_is_made_and_its_way_back_is_absence(
    file: File, web1: Host, conf: Path, one: Context
) -> None:
    change = at(conf, content="new")
    before = await file.look(change, one)
    await file.perform(change, one)
    assert (conf.read_text(), conf.stat().st_mode & 0o777) == ("new", 0o644)
    await file.perform(after(change, before.back), one)
    assert not conf.exists()


async def test_a_removed_file_comes_back_with_its_rights_and_owner(
    file: File, web1: Host, conf: Path, one: Context
) -> None:
    made(conf, b"\0\xff", web1, mode=0o604)
    change = at(conf, absent=True)
    before = await file.look(change, one)
    assert (await file.perform(change, one))["exists"] is False
    assert not conf.exists()
    assert (await file.look(change, one)).done
    await file.perform(after(change, before.back), one)
    assert (conf.read_bytes(), conf.stat().st_mode & 0o777) == (b"\0\xff", 0o604)


async def test_each_host_goes_back_to_what_it_had(file: File, farm: Farm, context: Context) -> None:
    path = farm["web1"].home / "shared"  # the hosts share a disk, so they share the file
    hosts = ["web1", "web2"]
    try:
        change = at(path, *hosts, content="same")
        restored = at(path, *hosts, restore={host: {"content": "same"} for host in hosts})
        results = await file.perform(change, context)
        assert [each["host"] for each in results] == hosts
        assert (await file.look(restored, context)).done
        differ = at(path, *hosts, restore={"web1": {"absent": True}, "web2": {"content": "other"}})
        assert not (await file.look(differ, context)).done
        with pytest.raises(InvalidInput, match="`restore` has nothing of `web3`"):
            await file.look({**differ, "hosts": ["web3"]}, context)
    finally:
        path.unlink(missing_ok=True)


async def test_what_is_large_has_no_way_back(file: File, web1: Host, conf: Path, one: Context) -> None:
    for size, known in ((KEPT, True), (KEPT + 1, False)):
        made(conf, "x" * size, web1)
        assert ((await file.look(at(conf, content="y"), one)).back is not None) is known


async def test_a_large_file_is_never_taken_for_an_empty_one(
    file: File, web1: Host, conf: Path, one: Context
) -> None:
    made(conf, "x" * (LARGEST + 1), web1)
    assert not (await file.look(at(conf, content=""), one)).done
    assert (await file.perform(at(conf, content=""), one))["changed"]
    assert conf.read_text() == ""


async def test_links_folders_and_missing_folders_are_refused(
    file: File, web1: Host, conf: Path, one: Context
) -> None:
    made(conf, "x", web1)
    link = conf.with_name("link")
    link.symlink_to(conf)
    with pytest.raises(ActionRefused, match="is a symbolic link; name the file that it leads to"):
        await file.perform(at(link, content="y"), one)
    assert (await file.perform(at(link), one))["content"] == "x"
    with pytest.raises(ActionRefused, match="it is no regular file"):
        await file.perform(at(conf.parent, content="y"), one)
    with pytest.raises(ActionRefused, match="there is no folder"):
        await file.perform(at(conf.parent / "none" / "x", content="y"), one)
    assert conf.read_text() == "x"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a file of somebody else")
async def test_a_file_of_somebody_else_keeps_its_owner_or_stays(
    file: File, web1: Host, conf: Path, one: Context
) -> None:
    made(conf, "x", web1, mode=0o644)
    os.chown(conf, 65534, 65534)
    with pytest.raises(ActionRefused, match="it belongs to 65534:65534, and would not any more; use sudo"):
        await file.perform(at(conf, content="y"), one)
    assert (conf.read_text(), list(conf.parent.iterdir())) == ("x", [conf])


async def test_a_content_that_does_not_arrive_whole_changes_nothing(
    ssh: SshAction, farm: Farm, web1: Host, conf: Path, one: Context
) -> None:
    made(conf, "old", web1)
    slow = farm.bin / "wc"  # holds the file back when its content has been written
    slow.write_text('#!/bin/sh\n: >"$HOME/held"; while [ -e "$HOME/held" ]; do sleep 0.05; done; echo 1\n')
    slow.chmod(0o755)
    try:
        running = asyncio.create_task(Checked(ssh).perform(at(conf, content="new and longer"), one))
        await until(lambda: (web1.home / "held").exists() or running.done())
        assert conf.read_text() == "old"
        (web1.home / "held").unlink()
        with pytest.raises(ActionRefused, match="the content did not arrive whole"):
            await running
        assert (conf.read_text(), list(conf.parent.iterdir())) == ("old", [conf])

        running = asyncio.create_task(Checked(ssh).perform(at(conf, content="new"), one))
        await until(lambda: (web1.home / "held").exists() or running.done())
        web1.cut()
        with pytest.raises(OutcomeUnknown, match="the connection was lost"):
            await running
        (web1.home / "held").unlink()
    finally:
        slow.unlink()
    assert conf.read_text() == "old"


async def test_an_unreachable_host_leaves_all_as_they_are(
    file: File, farm: Farm, web1: Host, conf: Path, context: Context
) -> None:
    made(conf, "old", web1)
    farm["web2"].stop()
    try:
        with pytest.raises(Unreachable, match="nothing was executed, because of 1 of 2 hosts: `web2`"):
            await file.perform(at(conf, "web1", "web2", content="new"), context)
    finally:
        farm["web2"].start()
    assert conf.read_text() == "old"


async def test_a_plain_read_is_one_command_on_a_connection_that_is_there(
    file: File, web1: Host, conf: Path, beats: Beats
) -> None:
    made(conf, "x", web1)
    context = beats.context(one=True)
    await file.perform(at(conf), context)
    logins = web1.logins()
    await file.perform(at(conf), replace(context, key=""))
    assert web1.logins() == logins


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"path": "etc/x"}, "`path` is `etc/x`; it is a file's absolute path"),
        ({"path": "/etc/"}, "`path` is `/etc/`"),
        ({"content": "x", "absent": True}, "give `absent` or `content`, not both"),
        ({"mode": "0644"}, "`mode` needs `content`"),
        ({"content": "x", "mode": "rw"}, "`mode` is `rw`"),
        ({"content": "%%%", "encoding": "base64"}, "`content` is not base64"),
    ],
)
async def test_wrong_parameters_are_named(
    ssh: SshAction, one: Context, params: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInput, match="file: ") as raised:
        await File(ssh).perform({"hosts": ["web1"], "path": "/x", **params}, one)
    assert says in str(raised.value)
