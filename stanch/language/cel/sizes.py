"""Sizes as Kubernetes writes them: `100Gi`, `1.5M`, `4096`."""

from __future__ import annotations

import re

from stanch.language.cel.frame import Failed, Frame
from stanch.language.cel.operators import whole

_SIZE = re.compile(r"([0-9]{1,19})(?:\.([0-9]{1,9}))?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P|)")
_FACTORS = {
    "": 1,
    **{f"{letter}i": 1024**power for power, letter in enumerate("KMGTP", 1)},
    **{letter: 1000**power for power, letter in enumerate("kMGTP", 1)},
}


def read_size(text: str) -> int:
    """Bytes; a part of a byte counts as a whole one. Raises Failed."""
    found = _SIZE.fullmatch(text)
    if found is None:
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        raise Failed(f"`{shown}` is not a size such as `100Gi`, `1.5M` or `4096`")
    digits, fraction, unit = found.groups()
    scale = 10 ** len(fraction or "")
    return whole(-(-int(digits + (fraction or "")) * _FACTORS[unit] // scale))


def of_text(_: Frame, text: str) -> int:
    return read_size(text)


def of_number(_: Frame, number: int) -> int:
    """A size that the data has as a number already."""
    if number < 0:
        raise Failed(f"{number} is not a size")
    return number
