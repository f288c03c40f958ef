"""The action `ticket`: open a ticket, write under it, move it."""

from __future__ import annotations

from activities.ticket.action import Ticket

__all__ = ["Ticket"]
