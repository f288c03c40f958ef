"""A call of `aws` as one short line: `aws ec2 RebootInstances in eu-central-1 {"InstanceIds":["i-1"]}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from stanch.language.plan import Json

Word: TypeAlias = Callable[[Json], str]
Params: TypeAlias = Mapping[str, Json]


def aws(params: Params, word: Word) -> str:
    where = f" in {word(params['region'])}" if "region" in params else ""
    given = f" {word(params['with'])}" if params.get("with") else ""
    return f"aws {word(params.get('service', ''))} {word(params.get('api', ''))}{where}{given}"
