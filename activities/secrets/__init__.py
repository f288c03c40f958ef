"""Secrets that are not on the worker's machine: in HashiCorp Vault, and in Kubernetes."""

from activities.secrets.store import Secrets

__all__ = ["Secrets"]
