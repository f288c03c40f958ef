"""The action `file`: what is in a file of a host, and what is to be in it.

`action` (what a step gets), `state` (what is in a file, as parameters say it), `remote` (what runs on the
host).
"""

from activities.file.action import File

__all__ = ["File"]
