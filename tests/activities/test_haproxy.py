"""The action `haproxy` against a real HAProxy."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from activities.action import Context, Knowing
from activities.attempt.parameters import Parameters
from activities.haproxy import Haproxy
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.activities.served import free_port
from tests.support.process import ending
from tests.support.until import until

SPEC = load_catalogue().actions["haproxy"]
WEB = {"server": "edge", "backend": "web"}


@pytest.fixture
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the runtime socket of an HAProxy; `web3` of the backend `web` is in maintenance."""
    program = shutil.which(
        "haproxy", path="/usr/sbin:/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin:/usr/bin"
    )
    assert program is not None, "the program `haproxy` is missing; `make system` installs it"
    folder = tmp_path_factory.mktemp("haproxy")
    path = Path("/tmp") / f"st-{folder.parent.name}-{folder.name}.sock"  # noqa: S108 - a socket's path is short
    ports = [free_port() for _ in range(3)]
    servers = "\n".join(f"  server web{at} 127.0.0.1:{port} weight 100" for at, port in enumerate(ports, 1))
    (folder / "haproxy.cfg").write_text(
        f"global\n  stats socket {path} level admin\n"
        "defaults\n  mode http\n  timeout connect 1s\n  timeout client 5s\n  timeout server 5s\n"
        f"frontend all\n  bind 127.0.0.1:{free_port()}\n  default_backend web\n"
        f"backend web\n{servers} disabled\n"
    )
    with ending(
        subprocess.Popen(
            [program, "-db", "-f", str(folder / "haproxy.cfg")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    ) as process:
        until(lambda: path.exists() or process.poll() is not None, "HAProxy to listen")
        yield f"unix://{path}"
        process.kill()
    path.unlink(missing_ok=True)


@pytest.fixture
def haproxy(socket: str) -> Haproxy:
    away = {"kind": "haproxy", "url": f"tcp://127.0.0.1:{free_port()}"}
    odd = {"kind": "haproxy", "url": "http://127.0.0.1"}
    return Haproxy(Systems({"edge": {"kind": "haproxy", "url": socket}, "away": away, "odd": odd}))


@pytest.fixture
def reading() -> Context:
    return Beats(changes=False).context()


def states(result: Any) -> list[tuple[str, str, int]]:
    Draft202012Validator(SPEC.result).validate(result)
    return [(each["name"], each["state"], each["weight"]) for each in result["servers"]]


async def test_the_servers_as_they_are(haproxy: Haproxy, reading: Context) -> None:
    result = await haproxy.perform(WEB, reading)
    assert states(result) == [("web1", "ready", 100), ("web2", "ready", 100), ("web3", "maint", 100)]
    assert [each["status"] for each in result["servers"]] == ["no check", "no check", "MAINT"]


async def test_servers_go_out_and_come_back_as_they_were(
    haproxy: Haproxy, context: Context, reading: Context
) -> None:
    assert isinstance(haproxy, Knowing)
    asked = {**WEB, "servers": ["web1", "web3"], "set": {"state": "drain", "weight": 10}}
    before = await haproxy.look(asked, context)
    assert not before.done
    assert states(await haproxy.perform(asked, context)) == [
        ("web1", "drain", 10),
        ("web2", "ready", 100),
        ("web3", "drain", 10),
    ]
    assert (await haproxy.look(asked, context)).done
    undo = {name: held for name, held in {**asked, **(before.back or {})}.items() if held is not None}
    Parameters(SPEC).check(undo)
    assert not (await haproxy.look(undo, context)).done
    await haproxy.perform(undo, context)
    assert (await haproxy.look(undo, context)).done
    assert states(await haproxy.perform(WEB, reading)) == [
        ("web1", "ready", 100),
        ("web2", "ready", 100),
        ("web3", "maint", 100),
    ]


async def test_only_a_weight_leaves_the_state(haproxy: Haproxy, context: Context) -> None:
    asked = {**WEB, "servers": "web3", "set": {"weight": 7}}
    assert states(await haproxy.perform(asked, context))[2] == ("web3", "maint", 7)


@pytest.mark.parametrize("given", [{"state": "maint"}, {"weight": 0}])
async def test_the_last_servers_stay(
    haproxy: Haproxy, context: Context, reading: Context, given: dict[str, Any]
) -> None:
    with pytest.raises(ActionRefused, match="would be left with 0 of 3 servers, and `at_least` asks for 1"):
        await haproxy.perform({**WEB, "servers": ["web1", "web2"], "set": given}, context)
    assert states(await haproxy.perform(WEB, reading))[0] == ("web1", "ready", 100)
    await haproxy.perform({**WEB, "servers": ["web1", "web2"], "set": given, "at_least": 0}, context)


@pytest.mark.parametrize(
    ("params", "family", "says"),
    [
        ({"servers": "web9"}, ActionRefused, "has no server `web9`; it has `web1`, `web2`, `web3`"),
        (
            {"backend": "api", "servers": "web1"},
            ActionRefused,
            "`edge` has no backend `api`: Can't find backend",
        ),
        ({"server": "away", "servers": "web1"}, Unreachable, "`away` .*connection refused"),
        ({"server": "odd", "servers": "web1"}, InvalidInput, "is no `unix:///PATH` or `tcp://HOST:PORT`"),
    ],
)
async def test_what_cannot_be_changed_says_why(
    haproxy: Haproxy, context: Context, params: dict[str, Any], family: type[Exception], says: str
) -> None:
    with pytest.raises(family, match=says):
        await haproxy.perform({**WEB, "set": {"state": "drain"}, **params}, context)


async def test_an_order_without_an_answer_is_in_doubt(
    haproxy: Haproxy, socket: str, context: Context
) -> None:
    """In front of it stands something that answers questions and swallows an order."""

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = await reader.readline()
        if command.startswith(b"show"):
            behind, to = await asyncio.open_unix_connection(socket.removeprefix("unix://"))
            to.write(command)
            while answer := await behind.read(65536):
                writer.write(answer)
            to.close()
            writer.close()
        else:
            writer.transport.abort()

    server = await asyncio.start_server(between, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        action = Haproxy(Systems({"edge": {"kind": "haproxy", "url": f"tcp://127.0.0.1:{port}"}}))
        with pytest.raises(OutcomeUnknown, match="`edge`"):
            await action.perform({**WEB, "servers": "web1", "set": {"state": "drain"}}, context)
