"""Another library's part of `bench/ssh_fanout.py`, run by the Python of `bench/.venv`.

    python bench/_fanout_peer.py asyncssh|parallel-ssh

Reads `{"hosts": [[address, port], ...], "user", "key", "known_hosts"}` from its first line of stdin, and at
each line after that runs `true` on all of them twice: on new connections, and then on those. Writes the
seconds of both and the CPU seconds of the first, as a list. Imports are not counted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any


async def _asyncssh(given: dict[str, Any]) -> list[float]:
    import asyncssh  # type: ignore[import-not-found]  # noqa: PLC0415

    async def connect(host: str, port: int) -> Any:
        return await asyncssh.connect(
            host,
            port,
            username=given["user"],
            client_keys=[given["key"]],
            known_hosts=given["known_hosts"],
            config=None,
            agent_path=None,
        )

    async def true(connection: Any) -> None:
        assert (await connection.run("true")).exit_status == 0

    async def first(host: str, port: int) -> Any:
        connection = await connect(host, port)
        await true(connection)
        return connection

    begun, used = time.perf_counter(), time.process_time()
    connections = await asyncio.gather(*(first(*each) for each in given["hosts"]))
    cold, used = time.perf_counter(), time.process_time() - used
    await asyncio.gather(*map(true, connections))
    warm = time.perf_counter()
    for connection in connections:
        connection.close()
    await asyncio.gather(*(connection.wait_closed() for connection in connections))
    return [cold - begun, warm - cold, used]


def _pssh(given: dict[str, Any]) -> list[float]:
    from pssh.clients import ParallelSSHClient  # type: ignore[import-not-found]  # noqa: PLC0415
    from pssh.config import HostConfig  # type: ignore[import-not-found]  # noqa: PLC0415

    configs = [HostConfig(port=port) for _, port in given["hosts"]]

    def true(client: Any) -> None:
        output = client.run_command("true")
        client.join(output)
        assert [each.exit_code for each in output] == [0] * len(configs)

    begun, used = time.perf_counter(), time.process_time()
    client = ParallelSSHClient(
        [host for host, _ in given["hosts"]],
        user=given["user"],
        pkey=given["key"],
        host_config=configs,
        pool_size=len(configs),
        allow_agent=False,
        identity_auth=False,
    )
    true(client)
    cold, used = time.perf_counter(), time.process_time() - used
    true(client)
    return [cold - begun, time.perf_counter() - cold, used]


def main() -> None:
    peers: dict[str, Callable[[dict[str, Any]], list[float]]] = {
        "asyncssh": lambda given: asyncio.run(_asyncssh(given)),
        "parallel-ssh": _pssh,
    }
    peer, given = peers[sys.argv[1]], json.loads(sys.stdin.readline())
    peer({**given, "hosts": given["hosts"][:1]})  # what is imported only when it is needed
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        sys.stdout.write(json.dumps(peer(given)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
