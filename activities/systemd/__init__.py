"""The action `systemd`: a unit on hosts, as `systemctl` there shows and changes it."""

from activities.systemd.action import Systemd

__all__ = ["Systemd"]
