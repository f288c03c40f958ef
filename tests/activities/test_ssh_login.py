"""Who logs in to a host: keys, agents, certificates, pass phrases."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from activities.action import Context
from activities.ssh import SshAction
from stanch.errors import ActionRefused, InvalidInput
from tests.support.sshd import Farm, start_sshd

WHERE = {"script": 'echo "$STANCH_HOST"'}


@pytest.fixture
async def ssh(farm: Farm) -> AsyncIterator[SshAction]:
    action = SshAction(farm.config_file)
    yield action
    await action.close()


def to(*hosts: str, **params: Any) -> dict[str, Any]:
    return {"hosts": list(hosts), **(params or WHERE)}


def shell(command: str) -> None:
    subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True, timeout=20)


def make_key(path: Path, phrase: str = "") -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", str(path)], check=True, timeout=20
    )
    return path


@pytest.fixture
def agent() -> Iterator[Path]:
    """The socket of an SSH agent; in a folder of its own, as its path must be short."""
    with tempfile.TemporaryDirectory(prefix="stanch-agent-") as folder:
        sock = Path(folder) / "sock"
        with subprocess.Popen(["ssh-agent", "-D", "-a", str(sock)], stdout=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 20
            while not sock.exists():
                assert time.monotonic() < deadline, "the agent does not start"
                time.sleep(0.01)
            yield sock
            process.kill()


WITH_KEY = """\
Host web1
    HostName 127.0.0.1
    Port {{port1}}
    User {{user}}
    UserKnownHostsFile {{known_hosts}}
    IdentitiesOnly yes
    IdentityFile {}
"""


async def test_a_key_that_the_host_does_not_take_is_named(
    farm: Farm, configured: Callable[[str], SshAction], tmp_path: Path, context: Context
) -> None:
    wrong, locked = make_key(tmp_path / "wrong"), make_key(tmp_path / "locked", "phrase")
    config = WITH_KEY.format(wrong) + f"    IdentityFile {locked}\n    IdentityFile {tmp_path}/none\n"
    with pytest.raises(ActionRefused) as raised:
        await configured(config).perform(to("web1"), context)
    said = str(raised.value)
    assert f"cannot log in as `{farm.user}`: it refused " in said
    assert f"/{wrong.name} (not usable: " in said
    assert f"/{locked.name}: it has a pass phrase; load it into the SSH agent" in said
    assert "/none: there is no such file" in said


async def test_a_key_with_a_pass_phrase_works_from_the_agent(
    farm: Farm,
    configured: Callable[[str], SshAction],
    agent: Path,
    tmp_path: Path,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Beside the key that the agent holds lies only its public half.
    (tmp_path / "held.pub").write_text(farm.key.with_suffix(".pub").read_text())
    stranger = make_key(tmp_path / "stranger")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    shell(f"ssh-add -q {stranger} && ssh-add -q {farm.key}")
    results = await configured(WITH_KEY.format(tmp_path / "held")).perform(to("web1"), context)
    assert results[0]["rc"] == 0
    # Only the keys that are named: the agent's others are not shown to the host.
    with pytest.raises(ActionRefused, match="there is no key to try"):
        await configured(WITH_KEY.format(tmp_path / "none")).perform(to("web1"), context)


async def test_the_user_of_the_step_wins(ssh: SshAction, farm: Farm, context: Context) -> None:
    assert (await ssh.perform(to("web1", run=["true"], **{"as": farm.user}), context))[0]["rc"] == 0
    with pytest.raises(ActionRefused, match="cannot log in as `nobody-here`"):
        await ssh.perform(to("web1", run=["true"], **{"as": "nobody-here"}), context)


async def test_a_key_with_a_pass_phrase_is_opened_by_a_secret(
    farm: Farm, tmp_path: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = tmp_path / "locked"
    locked.write_bytes(farm.key.read_bytes())
    locked.chmod(0o600)
    shell(f"ssh-keygen -q -p -P '' -N 'a phrase' -f {locked}")
    config = tmp_path / "config"
    config.write_text(
        WITH_KEY.format(locked).format(
            port1=farm["web1"].port, user=farm.user, known_hosts=farm.known_hosts, key=farm.key
        )
    )
    action = SshAction(config, pass_phrases={locked: {"secret": "env/PHRASE"}})
    try:
        with pytest.raises(InvalidInput, match="secret `env/PHRASE`: the worker has no environment variable"):
            await action.perform(to("web1"), context)
        monkeypatch.setenv("PHRASE", "another")
        with pytest.raises(
            ActionRefused, match=r"/locked: the pass phrase of `ssh.pass_phrases` does not open"
        ):
            await action.perform(to("web1"), context)
        monkeypatch.setenv("PHRASE", "a phrase")
        assert (await action.perform(to("web1"), context))[0]["rc"] == 0
    finally:
        await action.close()


async def test_the_agent_may_be_another_than_that_of_the_worker(
    farm: Farm,
    configured: Callable[[str], SshAction],
    agent: Path,
    tmp_path: Path,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("OUR_AGENT", str(agent))
    shell(f"SSH_AUTH_SOCK={agent} ssh-add -q {farm.key}")
    base = WITH_KEY.format("none").replace("    IdentitiesOnly yes\n", "")
    for said in (str(agent), "$OUR_AGENT"):
        action = configured(f"{base}    IdentityAgent {said}\n")
        assert (await action.perform(to("web1"), context))[0]["rc"] == 0
    for said, why in (("none", "there is no key to try$"), (f"{tmp_path}/none", "not usable: the agent at ")):
        with pytest.raises(ActionRefused, match="there is no key to try") as raised:
            await configured(f"{base}    IdentityAgent {said}\n").perform(to("web1"), context)
        assert re.search(why, str(raised.value).partition("; name")[0])


async def test_a_key_logs_in_by_its_certificate(tmp_path: Path, context: Context) -> None:
    authority, key = make_key(tmp_path / "authority"), make_key(tmp_path / "mine")
    with start_sshd(tmp_path, hosts=["web1"]) as farm:
        trusted = f"cert-authority {(tmp_path / 'authority.pub').read_text()}"
        (farm["web1"].folder / "authorized_keys").write_text(trusted)
        shell(f"ssh-keygen -q -s {authority} -I me -n {farm.user} -V +1h {key}.pub")
        signed = tmp_path / "mine-cert.pub"
        elsewhere = signed.rename(tmp_path / "signed.pub")
        make_key(tmp_path / "other")
        for given, logs_in in (("", False), (f"    CertificateFile {elsewhere}\n", True)):
            config = tmp_path / "config"
            config.write_text(
                f"Host web1\n    HostName 127.0.0.1\n    Port {farm['web1'].port}\n    User {farm.user}\n"
                f"    UserKnownHostsFile {farm.known_hosts}\n    IdentityAgent none\n"
                f"    IdentityFile {tmp_path}/other\n    IdentityFile {key}\n{given}"
            )
            action = SshAction(config)
            try:
                if logs_in:
                    assert (await action.perform(to("web1"), context))[0]["rc"] == 0
                else:
                    with pytest.raises(ActionRefused, match="cannot log in"):
                        await action.perform(to("web1"), context)
            finally:
                await action.close()
