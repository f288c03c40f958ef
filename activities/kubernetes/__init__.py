"""The action `kubernetes`: look at a cluster's objects and change them."""

from activities.kubernetes.action import Kubernetes

__all__ = ["Kubernetes"]
