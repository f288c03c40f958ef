"""The keys to log in with: the configured files, then the SSH agent's."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from cryptography.exceptions import UnsupportedAlgorithm
from paramiko import Agent, PKey, SSHException
from paramiko.pkey import UnknownKeyType

from activities.ssh.config import Target


class Offers:
    """Iterates over (name for people, key). The agent's keys work until it is left."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._agent: Agent | None = None
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
                yield _shown(path), key
        named = {blob for path in self._target.keys if (blob := _public(path))}
        for key in self._agent_keys():
            if key.asbytes() not in offered and (self._target.agent or key.asbytes() in named):
                yield f"the agent's {key.fingerprint}", key

    def _agent_keys(self) -> tuple[PKey, ...]:
        try:
            self._agent = Agent()
            return tuple(self._agent.get_keys())
        except (SSHException, OSError, EOFError):
            return ()

    def _load(self, path: Path) -> PKey | None:
        try:
            return PKey.from_path(path)
        except FileNotFoundError:
            reason = "there is no such file"
        except TypeError:
            reason = "it has a pass phrase; load it into the SSH agent"
        except OSError as error:
            reason = error.strerror or str(error)
        except (ValueError, SSHException, UnknownKeyType, UnsupportedAlgorithm):
            reason = "it is no private key that can be read"
        self.unusable.append(f"{_shown(path)}: {reason}")
        return None


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
