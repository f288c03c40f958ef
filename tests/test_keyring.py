"""The keys of a policy, from its text: windows, mistakes at their place, and what a run pins."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanch.client.payloads import data_converter
from stanch.config import Config, load_config
from stanch.contract import RunPolicy
from stanch.errors import InvalidInput
from tests.support.keys import public

ALICE, BOB, CODE, GATEWAY = (public(name).public for name in ("alice", "bob", "code", "gateway"))

TEXT = f"""
policy:
  unsigned_decisions: refuse
  people:
    alice:
      keys:
        - public: {ALICE}
          until: 2026-12-01
        - public: {BOB}
          from: 2026-11-30T22:00+02:00
      codes: [{CODE}]
  gateways:
    - public: {GATEWAY}
"""


def loaded(folder: Path, text: str) -> Config:
    file = folder / "stanch.yaml"
    file.write_text(text)
    return load_config(file, {})


def test_a_policy_names_keys_with_their_people_and_windows(tmp_path: Path) -> None:
    policy = loaded(tmp_path, TEXT).policy
    assert policy.unsigned == "refuse"
    assert policy.keys == (
        public("alice", "alice", end=1_796_083_200.0),
        public("bob", "alice", start=1_796_068_800.0),
        public("code", "alice", once=True),
        public("gateway"),
    )


def test_a_run_pins_them_when_it_starts(tmp_path: Path) -> None:
    policy = loaded(tmp_path, TEXT).policy
    pinned = policy.for_run(("incident_commander",), "SEV2")
    assert (pinned.unsigned, pinned.keys) == ("refuse", policy.keys)


def test_a_policy_without_keys_accepts_what_is_unsigned_and_adds_nothing_to_a_run(tmp_path: Path) -> None:
    pinned = loaded(tmp_path, "policy: {}").policy.for_run((), "SEV2")
    assert (pinned.unsigned, pinned.keys) == ("accept", ())
    (payload,) = data_converter.payload_converter.to_payloads([RunPolicy(keys=pinned.keys)])
    assert payload.data == b"{}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("people: {alice: {keys: [{public: abc}]}}", "must be a public key as"),
        (f"people: {{alice: {{codes: [{ALICE[:-1]}]}}}}", "must be a public key as"),
        (f"people: {{alice: {{keys: [{{public: {ALICE}, until: soon}}]}}}}", "must be a date such as"),
        (
            f"people: {{alice: {{keys: [{{public: {ALICE}, until: '2026-11-01T08:00'}}]}}}}",
            "must be a date such as",
        ),
        (f"people: {{alice: {{key: [{{public: {ALICE}}}]}}}}", "did you mean `keys`"),
        ("unsigned_decisions: maybe", "unsigned_decisions"),
    ],
)
def test_a_mistake_in_the_form_is_shown_at_its_place(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match="does not fit") as raised:
        loaded(tmp_path, f"policy:\n  {text}\n")
    assert why in str(raised.value)
    assert "stanch.yaml:2:" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            f"people: {{alice: {{keys: [{{public: {ALICE}}}]}}, bob: {{codes: [{ALICE}]}}}}",
            r"policy.people.bob.codes\[0\]: this key stands under `people.alice.keys\[0\]` already",
        ),
        (
            f"gateways: [{{public: {ALICE}, from: 2026-12-01, until: 2026-11-01}}]",
            r"policy.gateways\[0\]: the key is to be believed until before",
        ),
        (f"gateways: [{{public: {'A' * 43}}}]", "anybody can sign"),
        (f"gateways: [{{public: {ALICE}, from: 2026-02-30}}]", r"gateways\[0\].from: there is no such day"),
    ],
)
def test_a_key_that_nobody_should_believe_is_named(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        loaded(tmp_path, f"policy:\n  {text}\n")


def test_the_key_of_a_person_lies_where_the_configuration_or_a_variable_says(tmp_path: Path) -> None:
    assert Config().key is None
    assert loaded(tmp_path, "key: mine").key == tmp_path / "mine"
    file = tmp_path / "stanch.yaml"
    assert load_config(file, {"STANCH_KEY": "other"}).key == tmp_path / "other"
