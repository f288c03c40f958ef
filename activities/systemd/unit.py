"""A unit as `systemctl show` has it (systemctl(1), org.freedesktop.systemd1(5)), and the orders for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from activities.output import shortened
from stanch.language.plan import Json

_FILES = ("static", "generated", "transient")
"""States of unit files that are neither enabled nor disabled."""
_LINE = 500

# What a service is just after `start`, it may not be a second later: one that is not `Type=notify` counts as
# started as soon as its process is there. So what settles is what two looks a second apart show.
SCRIPT = """\
show() {
    systemctl show --no-pager --property=Id,Type,LoadState,ActiveState,SubState,UnitFileState,MainPID \\
        --property=InvocationID,Result,ExecMainStatus,NRestarts,StateChangeTimestamp "$unit"
}
look() { systemctl show --no-pager --property=ActiveState --property=InvocationID "$unit"; }
settle() {
    before=
    while [ "$patience" -gt 0 ]; do
        now=$(look)
        case $now in
        *=activating* | *=deactivating* | *=reloading* | *=refreshing*) ;;
        *) [ "$now" != "$before" ] || return 0 ;;
        esac
        before=$now patience=$((patience - 1))
        sleep 1
    done
}
command -v systemctl >/dev/null 2>&1 || { echo 'there is no systemctl on this host' >&2; exit 127; }
show >/dev/null || exit
rc=0
for verb in $verbs; do
    said=$(systemctl --no-ask-password --no-pager "$verb" "$unit" 2>&1) || rc=$?
    [ -z "$said" ] || printf '%s\\n' "$said" | sed 's/^/@said=/'
    [ "$rc" = 0 ] || break
done
[ -z "$verbs" ] || settle
printf '@rc=%s\\n' "$rc"
now=$(show) || :
printf '%s\\n' "$now"
case $rc:$now in
0:*ActiveState=failed* | 0:*SubState=auto-restart* | [1-9]*)
    [ "$lines" = 0 ] ||
        journalctl --no-pager --quiet --output=short-iso --lines="$lines" --unit="$unit" 2>/dev/null |
        sed 's/^/@log=/' ;;
esac
exit 0
"""
"""Reads `unit`, does `verbs` before, waits at most `patience` seconds, and shows `lines` of a failed unit."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a unit is to be; None for what is of no interest."""

    active: bool | None = None
    file: str | None = None
    """`enabled`, `disabled`, `masked`; `free` for not masked."""
    verb: str = ""
    """What is done each time, however the unit is."""


SETTINGS: Mapping[str, Wanted] = {
    "started": Wanted(active=True),
    "stopped": Wanted(active=False),
    "restarted": Wanted(active=True, verb="restart"),
    "reloaded": Wanted(active=True, verb="reload"),
    "enabled": Wanted(file="enabled"),
    "disabled": Wanted(file="disabled"),
    "masked": Wanted(active=False, file="masked"),
    "unmasked": Wanted(file="free"),
}


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit on one host."""

    host: str
    shown: Mapping[str, str]
    said: str = ""
    """What systemctl said to an order."""
    refused: bool = False
    log: tuple[str, ...] = ()

    def get(self, name: str) -> str:
        return self.shown.get(name, "")

    @property
    def active(self) -> bool:
        """`reloading` is a service that goes on serving."""
        return self.get("ActiveState") in ("active", "reloading", "refreshing")

    @property
    def once(self) -> bool:
        """It does its work and ends, and is not active afterwards."""
        return self.get("Type") == "oneshot" and self.get("Result") == "success"

    @property
    def masked(self) -> bool:
        return self.get("LoadState") == "masked" or self.get("UnitFileState").startswith("masked")

    @property
    def enabled(self) -> bool:
        return self.get("UnitFileState") in ("enabled", "enabled-runtime")

    @property
    def installs(self) -> bool:
        """There is something that `enable` would do."""
        return self.get("UnitFileState") not in _FILES

    @property
    def state(self) -> str:
        """`failed (exit-code, status 3)`, `activating (auto-restart)`."""
        if self.get("ActiveState") == "failed":
            return f"failed ({self.get('Result')}, status {self.get('ExecMainStatus')})"
        return f"{self.get('ActiveState')} ({self.get('SubState')})"

    def is_as(self, wanted: Wanted) -> bool:
        """Without what is done each time."""
        if wanted.file is not None and not self._file_is(wanted.file):
            return False
        if wanted.active is None:
            return True
        if wanted.active:
            return self.get("ActiveState") == "active"
        return self.get("ActiveState") in ("inactive", "failed")

    def verbs(self, wanted: Wanted) -> Iterator[str]:
        """What systemctl is told, in this order."""
        if wanted.file is not None and not self._file_is(wanted.file):
            if self.masked:
                yield "unmask"
            match wanted.file:
                case "enabled":
                    yield "enable"
                case "disabled":
                    yield "disable"
                case "masked":
                    yield "mask"
        if wanted.verb:
            yield wanted.verb
        elif wanted.active is not None and not self.is_as(Wanted(wanted.active)):
            yield "start" if wanted.active else "stop"

    def _file_is(self, wanted: str) -> bool:
        if wanted == "masked" or self.masked:
            return self.masked and wanted == "masked"
        return wanted == "free" or self.enabled == (wanted == "enabled")

    def back(self, wanted: Wanted) -> dict[str, Json]:
        """What of it the change would touch, as an entry of `restore`."""
        touched: dict[str, Json] = {"host": self.host}
        if wanted.active is not None:
            touched["active"] = self.active
        if wanted.file is not None:
            touched["file"] = "masked" if self.masked else self._file()
        return touched

    def _file(self) -> str:
        if not self.installs:
            return "free"
        return "enabled" if self.enabled else "disabled"

    def data(self, problem: str, *, changed: bool) -> dict[str, Json]:
        return {
            "host": self.host,
            "unit": self.get("Id"),
            "load": self.get("LoadState"),
            "active": self.get("ActiveState"),
            "sub": self.get("SubState"),
            "file": self.get("UnitFileState"),
            "result": self.get("Result"),
            "status": _number(self.get("ExecMainStatus")),
            "pid": _number(self.get("MainPID")),
            "invocation": self.get("InvocationID"),
            "restarts": _number(self.get("NRestarts")),
            "since": self.get("StateChangeTimestamp"),
            "changed": changed,
            "problem": problem,
            "log": list(self.log),
        }


def read_unit(host: str, printed: str) -> Unit:
    """Of what `SCRIPT` has printed."""
    shown: dict[str, str] = {}
    said: list[str] = []
    log: list[str] = []
    for line in printed.splitlines():
        name, _, value = line.partition("=")
        if name == "@log":
            log.append(shortened(value, _LINE)[0])
        elif name == "@said":
            said.append(value)
        else:
            shown[name] = value
    return Unit(host, shown, "\n".join(said), shown.get("@rc", "0") != "0", tuple(log))


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
