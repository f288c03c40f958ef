"""Where `stanch up` puts things, before it starts any."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanch.cli import stack

ANY_PORTS = stack.Options(
    demo=False,
    approve=False,
    state=None,
    temporal_port=0,
    ui_port=0,
    gateway_port=0,
    demo_port=0,
    ssh_ports=(0, 0, 0),
    as_json=False,
)


def test_what_steps_keep_lies_with_the_rest_of_the_state_unless_a_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = stack._settle(ANY_PORTS, tmp_path, tmp_path / "state")
    assert place.environment["STANCH_EVIDENCE_PATH"] == str(place.config.evidence)
    assert place.config.evidence == tmp_path / "state" / "evidence"
    monkeypatch.setenv("STANCH_EVIDENCE_PATH", str(tmp_path / "named"))
    place = stack._settle(ANY_PORTS, tmp_path, tmp_path / "state")
    assert place.config.evidence == tmp_path / "named"
