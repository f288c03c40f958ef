"""Leases: strictly first come, first served. Pure."""
