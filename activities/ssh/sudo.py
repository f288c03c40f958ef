r"""A command as another user of its host, through `sudo`.

The password is the first line of what the command line reads, before the command's own stdin: so it is in no
file, no argument and no variable that others can see, and a marker keeps it as it keeps any stdin, in the
memory of a shell. It is tried on nothing first, with an end right behind it: a wrong one is one attempt, and
sudo cannot take what belongs to the command for a second one. Whether it asks at all is its own affair, so a
line that both sides know comes between; what stands before that is not for the command.

Nobody but its user and root may signal such a command. So a shell stands by in its process group, which is
told to end together with it, and passes that on through sudo.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from activities.output import last_line
from activities.ssh.quoting import quoted
from stanch.errors import InvalidInput
from stanch.language.plan import Json

_WHY = ("sudo: ", "Sorry, user ")
"""What the reason begins with, between a lecture and what follows from it."""
_TEXT = r"""
_user=$1 _line=$2 _sign=$3 _asks=$4
unset _word
refuse() { printf '\036%s %s\n' "$_sign" "$1" >&2; exit 1; }
through() {
if [ "$_asks" = yes ]; then
printf '%s\n' "$_word" | LC_ALL=C sudo -S -k -p '' -H -u "$_user" -- /bin/sh -c "$1"
else
LC_ALL=C sudo -n -H -u "$_user" -- /bin/sh -c "$1" </dev/null
fi
}
stand_by() {
trap 'kill $! 2>/dev/null; exit' HUP
trap "through 'trap \"\" HUP TERM; kill -s TERM 0; sleep 0.5 2>/dev/null || sleep 1; kill -s KILL 0'" TERM
while kill -0 $$ 2>/dev/null; do sleep 60 & wait $!; done
}
command -v sudo >/dev/null 2>&1 || refuse 'there is no sudo on this host'
if [ "$_asks" = yes ]; then IFS= read -r _word || refuse 'the password did not arrive'; fi
_said=$(through : 2>&1) || refuse "$_said"
trap : HUP TERM
stand_by </dev/null >/dev/null 2>&1 &
_by=$!
if [ "$_asks" = yes ]; then
{ printf '%s\n%s\n' "$_word" "$_sign"; exec cat; } |
sudo -S -k -p '' -H -u "$_user" -- /bin/sh -c 'IFS= read -r _line
[ "$_line" = "$2" ] || IFS= read -r _line
unset _line
cd 2>/dev/null || cd /
eval "$1"' stanch "$_line" "$_sign"
else
sudo -n -H -u "$_user" -- /bin/sh -c 'cd 2>/dev/null || cd /
eval "$1"' stanch "$_line"
fi
_rc=$?
kill -s HUP $_by 2>/dev/null
exit $_rc
"""


@dataclass(frozen=True, slots=True)
class Sudo:
    """`user` on the host, and what sudo asks for, if it does."""

    user: str = "root"
    password: str | None = field(default=None, repr=False)

    def line(self, line: str) -> str:
        """For the remote shell, in place of `line`."""
        asks = "no" if self.password is None else "yes"
        words = (quoted(self.user), quoted(line, plain=False), self._sign(line), asks)
        return f"exec /bin/sh -c {quoted(_TEXT.strip())} stanch {' '.join(words)}"

    def stdin(self, stdin: bytes) -> bytes:
        return stdin if self.password is None else self.password.encode() + b"\n" + stdin

    def refused(self, line: str, rc: int, stderr: str) -> str | None:
        """Why sudo did not let it be executed, from how `line` ended; None if it was executed."""
        _, sign, said = stderr.partition(f"\x1e{self._sign(line)} ")
        if rc != 1 or not sign:
            return None
        if "incorrect password" in said:
            return f"sudo does not take this password for `{self.user}`"
        if "password is required" in said or "no password was provided" in said:
            return f"sudo wants a password to become `{self.user}`, and the step gives none"
        told = next((line for line in said.splitlines() if line.startswith(_WHY)), said)
        return f"sudo does not let it become `{self.user}`: {last_line(told)}"

    def _sign(self, line: str) -> str:
        """Whoever asks for the same command again, knows it."""
        return hashlib.sha256(f"{self.user}\0{line}".encode()).hexdigest()[:16]


def read_sudo(said: Json) -> Sudo | None:
    """Of a step's `sudo`. Raises InvalidInput."""
    match said:
        case None | False:
            return None
        case True:
            return Sudo()
        case dict():
            return _sudo(said)
    raise InvalidInput("`sudo` is `true`, or a map with `user` and `password`")


def _sudo(said: Mapping[str, Json]) -> Sudo:
    user, password = said.get("user", "root"), said.get("password")
    if not isinstance(user, str) or not user or user.startswith("-") or any(c in user for c in "\0\n"):
        raise InvalidInput(f"`sudo.user` is `{user}`, which is no user name")
    if password is not None and (not isinstance(password, str) or any(c in password for c in "\0\n")):
        raise InvalidInput("`sudo.password` must be one line of text")
    return Sudo(user, password)
