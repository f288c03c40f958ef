"""Keys and printed codes: how they are made, how they lie there, and what is signed with them."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as other_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from stanch.cli.exits import DONE, NO, USAGE
from stanch.client.signing import CODE_LENGTH, DIGITS, code_key, new_code, read_code
from stanch.config import load_config
from stanch.contract import PublicKey
from stanch.errors import InvalidInput
from stanch.proof import public_text
from tests.cli.processes import stanch
from tests.cli.terminal import Said, Terminal
from tests.cli.test_people import keyboard

live = pytest.mark.xdist_group("cli-live")


def policy(folder: Path, lines: str, before: str = "") -> None:
    """Paste the printed lines into the policy of `stanch.yaml`."""
    text = (
        "policy:\n  unsigned_decisions: refuse\n"
        + before
        + "".join(f"  {line}\n" for line in lines.splitlines())
    )
    (folder / "stanch.yaml").write_text(text)


def keys(folder: Path) -> tuple[PublicKey, ...]:
    return load_config(folder / "stanch.yaml", {}).policy.keys


# --- keys -------------------------------------------------------------------------------------------------


def test_a_new_key_is_its_owner_s_alone_and_its_lines_fit_the_policy(tmp_path: Path) -> None:
    made = stanch("key", "new", "--name", "alice", cwd=tmp_path, HOME=str(tmp_path))
    assert made.returncode == DONE, made.stderr
    file = tmp_path / ".config" / "stanch" / "key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    policy(tmp_path, made.stdout)
    (key,) = keys(tmp_path)
    assert (key.speaks_for, key.once) == (("alice",), False)
    shown = json.loads(
        stanch("key", "show", "--json", cwd=tmp_path, HOME=str(tmp_path), STANCH_USER="bob").stdout
    )
    assert shown == {"name": "bob", "id": key.id, "public": key.public, "file": str(file)}
    assert key.id in made.stderr


def test_the_lines_for_a_gateway_s_key_are_those_of_a_gateway(tmp_path: Path) -> None:
    file = tmp_path / "gateway.pem"
    made = stanch("key", "new", "--gateway", "--file", file, cwd=tmp_path)
    policy(tmp_path, made.stdout)
    (key,) = keys(tmp_path)
    assert key.speaks_for == ()
    unnamed = stanch("key", "new", "--gateway", cwd=tmp_path, HOME=str(tmp_path))
    assert (unnamed.returncode, "`--file`" in unnamed.stderr) == (USAGE, True)
    assert not (tmp_path / ".config").exists()


def test_a_key_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "mine"
    assert stanch("key", "new", "--file", file).returncode == DONE
    before = file.read_bytes()
    again = stanch("key", "new", "--file", file)
    assert again.returncode == USAGE
    assert "is there already and stays as it is" in again.stderr
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["no", "12", "a: b", 'q"uote', "åsa", "{}"])
def test_the_lines_fit_whatever_the_name_is(tmp_path: Path, name: str) -> None:
    made = stanch("key", "new", "--file", tmp_path / "key", "--name", name)
    policy(tmp_path, made.stdout)
    assert keys(tmp_path)[0].speaks_for == (name,)


def pem(key: object, secret: bytes = b"") -> bytes:
    how = BestAvailableEncryption(secret) if secret else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "holds no private key"),
        (b"not a key", "holds no private key"),
        (pem(Ed25519PrivateKey.generate(), b"secret"), "has a pass phrase"),
        (pem(other_key(SECP256R1())), "is not an Ed25519 key"),
    ],
    ids=["empty", "text", "encrypted", "another kind"],
)
def test_what_is_no_usable_key_is_said_in_words(tmp_path: Path, text: bytes, why: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(text)
    file.chmod(0o600)
    shown = stanch("key", "show", "--file", file)
    assert (shown.returncode, shown.stdout) == (USAGE, "")
    assert why in shown.stderr
    assert str(file) in shown.stderr


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_key_that_others_can_read_or_write_is_not_used(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    assert stanch("key", "new", "--file", file).returncode == DONE
    file.chmod(mode)
    shown = stanch("key", "show", cwd=tmp_path, STANCH_KEY="key")
    assert shown.returncode == USAGE
    assert "others may read the key" in shown.stderr
    assert f"chmod 600 {file}" in shown.stderr


def test_a_named_key_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "stanch.yaml").write_text("key: keys/mine\n")
    shown = stanch("key", "show", cwd=tmp_path)
    assert shown.returncode == USAGE
    assert f"cannot read the key `{tmp_path}/keys/mine`" in shown.stderr


# --- printed codes ----------------------------------------------------------------------------------------


def test_printed_codes_and_the_lines_for_the_policy_go_different_ways(tmp_path: Path) -> None:
    made = stanch("codes", "new", "--for", "alice", "--count", "3", cwd=tmp_path)
    assert made.returncode == DONE, made.stderr
    codes = [line.split()[1] for line in made.stdout.splitlines() if line.startswith("  ")]
    lines = made.stderr.split("\n", 1)[1]
    policy(tmp_path, lines)
    held = keys(tmp_path)
    assert [(key.once, key.speaks_for) for key in held] == [(True, ("alice",))] * 3
    assert [public_text(code_key("alice", code)) for code in codes] == [key.public for key in held]
    assert not any(code in made.stderr for code in codes)
    assert public_text(code_key("bob", codes[0])) != held[0].public


def test_a_code_may_be_typed_as_it_is_read() -> None:
    code = new_code()
    plain = code.replace("-", "")
    assert len(plain) == CODE_LENGTH
    for typed in (code, code.lower(), plain, f" {code.replace('-', ' ')} "):
        assert read_code(typed) == plain
    assert read_code(plain.replace("0", "o").replace("1", "l")) == plain


@given(st.text(DIGITS, min_size=CODE_LENGTH, max_size=CODE_LENGTH))
def test_of_all_that_could_be_typed_one_in_32_is_a_code(text: str) -> None:
    whole = [digit for digit in DIGITS if _is_code(text[:-1] + digit)]
    assert len(whole) == 1


def test_one_wrong_digit_or_two_that_changed_places_are_always_seen() -> None:
    code = new_code().replace("-", "")
    for at in range(CODE_LENGTH):
        for digit in DIGITS:
            assert _is_code(code[:at] + digit + code[at + 1 :]) == (digit == code[at])
        for other in range(at):
            swapped = list(code)
            swapped[at], swapped[other] = swapped[other], swapped[at]
            assert _is_code("".join(swapped)) == (code[at] == code[other])


@pytest.mark.parametrize(
    ("typed", "why"),
    [("", "this has 0"), ("A" * 19, "this has 19"), ("U" * 18, "no code has a `U`"), ("A" * 18, "mistyped")],
)
def test_what_is_no_code_is_said_in_words(typed: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read_code(typed)


def _is_code(text: str) -> bool:
    try:
        read_code(text)
    except InvalidInput:
        return False
    return True


# --- a run that takes nothing without a proof -------------------------------------------------------------


def ok(said: Said) -> str:
    assert said.returncode == DONE, said.stderr
    return said.stdout


@live
def test_who_has_a_key_is_verified_and_who_has_none_is_refused(terminal: Terminal) -> None:
    policy(terminal.folder, ok(terminal("key", "new", "--file", "dana.pem")))
    run = terminal.start()
    terminal.asked(run)
    for command in (("approve", run), ("abort", run, "--reason", "no"), ("pause", run, "--reason", "no")):
        refused = terminal(*command)
        assert (refused.returncode, refused.stdout) == (NO, ""), refused.stderr
        assert "takes nothing without a proof" in refused.stderr
    terminal("key", "new")
    unknown = terminal("approve", run)
    assert "is not one that this run believes" in unknown.stderr
    (terminal.folder / "stanch.yaml").write_text("key: dana.pem\n")
    foreign = terminal("approve", run, user="eve")
    assert "may not speak for eve" in foreign.stderr
    ok(terminal("approve", run))
    view = terminal.ended(run)
    assert view.outcome == "succeeded"
    (decided,) = [moment.text for moment in view.timeline if moment.kind == "decided"]
    assert decided.startswith("approve by dana (verified, key ")


@live
def test_who_starts_a_run_signs_it_and_does_not_approve_it_under_another_name(terminal: Terminal) -> None:
    policy(terminal.folder, ok(terminal("key", "new")))
    run = terminal.start()
    terminal.asked(run)
    shown = " ".join(ok(terminal("show", run)).split())
    assert re.search(r"by rob \(unverified: the key `\w+` may not speak for rob", shown)
    assert "dana started this run and may not approve" in terminal("approve", run).stderr
    ok(terminal("abort", run, "--reason", "no"))
    run = ok(terminal("run", "switch-off.yaml", "-i", f"url={terminal.switch.url}")).strip()
    terminal.asked(run)
    assert f"dana (verified, key {keys(terminal.folder)[0].id})" in ok(terminal("show", run))
    ok(terminal("abort", run, "--reason", "no"))


@live
def test_a_run_that_goes_on_can_be_told_to_believe_another_key(terminal: Terminal) -> None:
    policy(terminal.folder, ok(terminal("key", "new")))
    run = terminal.start()
    terminal.asked(run)
    ok(terminal("key", "new", "--file", "new.pem"))
    public = json.loads(ok(terminal("key", "show", "--file", "new.pem", "--json")))["public"]
    assert "may not let in a gateway" in terminal("trust", run, public, "--gateway").stderr
    said = ok(terminal("trust", run, public, "--for", "dana", "--until", "2099-01-01"))
    assert said.endswith(" from now on, until 2099-01-01 00:00:00 UTC\n")
    (terminal.folder / "stanch.yaml").write_text("key: new.pem\n")
    old = json.loads(ok(terminal("key", "show", "--file", ".config/stanch/key", "--json")))["public"]
    assert ok(terminal("trust", run, old, "--for", "dana", "--until", "now")).endswith(" any more\n")
    ok(terminal("deny", run, "--reason", "not tonight"))
    assert terminal.ended(run).outcome == "denied"


@live
def test_breaking_the_glass(terminal: Terminal) -> None:
    made = terminal("codes", "new", "--for", "dana", "--count", "2", "--json")
    first, second = json.loads(ok(made))
    lines = f"people:\n  dana:\n    codes: [{first['public']}, {second['public']}]"
    policy(terminal.folder, lines)
    run = terminal.start()
    terminal.asked(run)
    assert "typed at a terminal" in terminal("approve", run, "--code").stderr
    with keyboard(terminal, "approve", run, "--code") as screen:
        screen.until("Printed code of dana (it is not shown): ")
        screen.type(first["code"][:-1])
        screen.until("and this has 17\nPrinted code of dana (it is not shown): ")
        screen.type(first["code"].lower())
        assert screen.end() == DONE, screen.said
    assert first["code"].lower() not in screen.said
    view = terminal.ended(run)
    assert view.outcome == "succeeded"
    assert [moment.by for moment in view.timeline if moment.kind == "break_glass"] == ["dana"]
    assert first["id"] in view.agenda[0]
    assert first["code"].replace("-", "") not in str(view)


@live
def test_a_code_is_good_once(terminal: Terminal) -> None:
    (code,) = json.loads(ok(terminal("codes", "new", "--for", "dana", "--count", "1", "--json")))
    policy(terminal.folder, f"people:\n  dana:\n    codes: [{code['public']}]")
    run = terminal.start("choose.yaml")
    terminal.asked(run)
    for verb, status, said in (("hold", DONE, "hold"), ("abort", NO, "was used already")):
        with keyboard(terminal, verb, run, "--reason", "wait", "--code") as screen:
            screen.until("(it is not shown): ")
            screen.type(code["code"])
            assert screen.end() == status, screen.said
        assert said in screen.said
