"""The action `aws`: one call of any API of AWS."""

from activities.aws.action import Aws

__all__ = ["Aws"]
