"""The keys to log in with: the configured files, then the SSH agent's."""

from __future__ import annotations

import base64
import binascii
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from cryptography.exceptions import UnsupportedAlgorithm
from paramiko import PKey, SSHException
from paramiko.agent import AgentSSH
from paramiko.pkey import PublicBlob, UnknownKeyType

from activities.ssh.config import Target

_AGENT_SECONDS = 30.0
"""For each answer of the agent, which may ask a person first."""


class Offers:
    """Iterates over (name for people, key). The agent's keys work until it is left."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._agent: _Agent | None = None
        self.unusable: list[str] = []
        """Why configured keys were not offered."""

    def __enter__(self) -> Offers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._agent is not None:
            self._agent.close()

    def __iter__(self) -> Iterator[tuple[str, PKey]]:
        # Files before the agent: they were named for this host, and a server hangs up after a few wrong keys.
        offered: set[bytes] = set()
        for path in self._target.keys:
            if (key := self._load(path)) is not None:
                offered.add(key.asbytes())
                if key.public_blob is not None:
                    yield f"{_shown(path)} with its certificate", key
                    key.public_blob = None  # a host may know the key and not who signed it
                yield _shown(path), key
        named = {blob for path in self._target.keys if (blob := _public(path))}
        for key in self._agent_keys():
            if key.asbytes() not in offered and (self._target.all_of_agent or key.asbytes() in named):
                yield f"the agent's {key.fingerprint}", key

    def _agent_keys(self) -> tuple[PKey, ...]:
        path = self._target.agent
        if path is None:
            return ()
        try:
            self._agent = _Agent(path)
            return tuple(self._agent.get_keys())
        except (SSHException, OSError, EOFError) as error:
            self.unusable.append(f"the agent at {_shown(path)}: {error}")
            return ()

    def _load(self, path: Path) -> PKey | None:
        files = self._target.key_files
        try:
            key = files.open(path)
        except FileNotFoundError:
            reason = "there is no such file"
        except TypeError:
            reason = "it has a pass phrase; load it into the SSH agent, or name it under `ssh.pass_phrases`"
        except OSError as error:
            reason = error.strerror or str(error)
        except (ValueError, SSHException, UnknownKeyType, UnsupportedAlgorithm):
            reason = "it is no private key that can be read"
            if files.has_phrase(path):
                reason = "the pass phrase of `ssh.pass_phrases` does not open it"
        else:
            self._certify(key)
            return key
        self.unusable.append(f"{_shown(path)}: {reason}")
        return None

    def _certify(self, key: PKey) -> None:
        """Give `key` its certificate, if one of those that are configured is for it."""
        # Both begin with their kind; what makes the key follows, in both in the same way.
        _, own = _string(key.asbytes())
        for path in self._target.certificates:
            try:
                blob = PublicBlob.from_file(str(path))
            except (ValueError, OSError, SSHException) as error:
                self.unusable.append(f"{_shown(path)}: {error}")
                continue
            if own in blob.key_blob:
                key.public_blob = blob
                return


class _Agent(AgentSSH):
    """paramiko's own knows one place only, and has no limit to how long it waits."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(_AGENT_SECONDS)
            sock.connect(str(path))
            self._connect(sock)  # type: ignore[attr-defined]
        except BaseException:
            sock.close()
            raise

    def close(self) -> None:
        self._close()  # type: ignore[attr-defined]


def _string(blob: bytes) -> tuple[bytes, bytes]:
    """The string that `blob` begins with (RFC 4251, 5), and the rest."""
    end = 4 + int.from_bytes(blob[:4], "big")
    return blob[4:end], blob[end:]


def _public(path: Path) -> bytes | None:
    """The public half that lies beside a private key, or that `path` itself is."""
    public = path if path.suffix == ".pub" else path.with_name(f"{path.name}.pub")
    try:
        return base64.b64decode(public.read_text(encoding="utf-8").split()[1], validate=True)
    except (OSError, UnicodeDecodeError, IndexError, binascii.Error):
        return None


def _shown(path: Path) -> str:
    """As a person writes it: `~/.ssh/id_ed25519`."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
