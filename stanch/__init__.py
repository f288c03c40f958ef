"""Stanch: durable, approved, reversible runbooks for production incidents."""

__version__ = "0.1.0"
