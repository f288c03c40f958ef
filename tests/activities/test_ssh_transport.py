"""How a connection is set up below the login, and what many hosts of a step share."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from paramiko import SSHException

from activities.ssh.config import ClientConfig
from activities.ssh.key_files import KeyFiles
from activities.ssh.pool import Pool
from activities.ssh.transport import new_transport
from stanch.errors import InvalidInput
from tests.support.sshd import Farm, start_sshd


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def agreed(farm: Farm, host: str) -> str:
    """The cipher of a connection to `host`."""
    pool = Pool(idle=60.0)
    try:
        session = pool.open(ClientConfig(farm.config_file, {}).target(host), time.monotonic() + 30)
        return session.link.transport.local_cipher
    finally:
        pool.close()


def test_the_cipher_is_one_that_authenticates(farm: Farm) -> None:
    assert agreed(farm, "web1") == "aes128-gcm@openssh.com"


def test_a_server_that_knows_no_such_cipher_is_served(tmp_path: Path) -> None:
    with start_sshd(tmp_path, hosts=["old"], config="Ciphers aes256-ctr\n") as farm:
        assert agreed(farm, "old") == "aes256-ctr"


def test_a_server_that_stops_in_mid_handshake_is_given_up(pair: tuple[socket.socket, socket.socket]) -> None:
    transport = new_transport(pair[0], [])
    transport.handshake_timeout = 0.2
    pair[1].sendall(b"SSH-2.0-Sleepy\r\n")
    with pytest.raises((SSHException, EOFError)):
        transport.start_client(timeout=30)


def test_closing_wakes_the_thread_that_reads(pair: tuple[socket.socket, socket.socket]) -> None:
    transport = new_transport(pair[0], [])
    pair[0].settimeout(None)  # or it would look by itself after a while
    pair[1].sendall(b"SSH-2.0-Sleepy\r\n")
    transport.start_client(timeout=0.1)
    pair[1].recv(1)  # it has begun
    transport.close()
    transport.join(30)
    assert not transport.is_alive()


# --- the configuration -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("Host web1\n Port 1\nHost web*\n Port 2\n", 1),
        ("Host web*\n Port 2\nHost web1\n Port 1\n", 2),
        ("Host web2\n Port 3\nHost db web1\n Port 1\nHost web1\n Port 4\n", 1),
        ("Host web2\n Port 3\nMatch originalhost web1\n Port 5\nHost web1\n Port 1\n", 5),
        ("Host web? !web1\n Port 2\nHost *\n Port 6\n", 6),
        ("Port 7\nHost web1\n Port 1\n", 7),
    ],
)
def test_of_the_blocks_for_a_host_the_first_counts(tmp_path: Path, text: str, port: int) -> None:
    (tmp_path / "config").write_text(text)
    assert ClientConfig(tmp_path / "config", {}).target("web1").port == port


def test_a_configuration_that_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "config"
    for port in (1, 2):
        file.write_text(f"Host web1\n    Port {port}\n")
        assert ClientConfig(file, {}).target("web1").port == port


# --- keys --------------------------------------------------------------------------------------------------


def make_key(path: Path, phrase: str = "") -> Path:
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", str(path)]
    subprocess.run(words, check=True, timeout=60)
    return path


def test_a_pass_phrase_is_used_once_for_all_hosts_of_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = make_key(tmp_path / "locked", "a phrase")
    phrases = {locked: {"secret": "env/PHRASE"}}
    files = KeyFiles(phrases)
    monkeypatch.setenv("PHRASE", "a phrase")
    first = files.open(locked)
    monkeypatch.delenv("PHRASE")
    assert files.open(locked).asbytes() == first.asbytes()
    with pytest.raises(InvalidInput, match="env/PHRASE"):
        KeyFiles(phrases).open(locked)


def test_a_key_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path, new = make_key(tmp_path / "key"), make_key(tmp_path / "new")
    files = KeyFiles({})
    before = files.open(path)
    shutil.copyfile(new, path)
    assert files.open(path).asbytes() == files.open(new).asbytes() != before.asbytes()


def test_a_certificate_that_came_later_is_seen_and_each_host_has_its_own(tmp_path: Path) -> None:
    path, authority = make_key(tmp_path / "key"), make_key(tmp_path / "authority")
    files = KeyFiles({})
    assert files.open(path).public_blob is None
    words = ["ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", "me", f"{path}.pub"]
    subprocess.run(words, check=True, timeout=60)
    signed = files.open(path)
    assert signed.public_blob is not None
    signed.public_blob = None  # as when a host did not take it
    assert files.open(path).public_blob is not None
