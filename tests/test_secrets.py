from __future__ import annotations

import base64
import html
import json
import os
import shlex
from pathlib import Path

import pytest

from activities.output import Capture, last_line
from stanch.errors import InvalidInput
from stanch.secrets import redact, resolve


def test_references_become_values_at_any_depth(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOKEN_OF_TEST", "from-env")
    (tmp_path / "key").write_text("from-file\n")
    params = {
        "headers": {"x": {"secret": "env/TOKEN_OF_TEST"}},
        "list": [1, {"secret": f"file/{tmp_path / 'key'}"}],
        "plain": {"secret": 5, "note": "kept"},
    }
    value, found = resolve(params)
    assert value == {
        "headers": {"x": "from-env"},
        "list": [1, "from-file"],
        "plain": {"secret": 5, "note": "kept"},
    }
    assert found == ("from-env", "from-file")


def test_an_object_with_more_than_a_reference_is_data() -> None:
    value, found = resolve({"secret": "env/HOME", "other": 1})
    assert (value, found) == ({"secret": "env/HOME", "other": 1}, ())


def test_only_one_line_end_is_dropped_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("two\nlines\n\n")
    assert resolve({"secret": f"file/{tmp_path / 'key'}"})[0] == "two\nlines\n"


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("env/NO_SUCH_VARIABLE", "no environment variable `NO_SUCH_VARIABLE`"),
        ("file//no/such/file", "no file `/no/such/file`"),
        ("file//dev/zero", "no file `/dev/zero`"),
        ("vault/team/key", "no `vault/`"),
        ("nothing", "no `nothing/`"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(reference: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve({"a": [{"secret": reference}]})
    assert str(caught.value).startswith(f"secret `{reference}`: ")
    assert says in str(caught.value)


def test_an_empty_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPTY_OF_TEST", "")
    with pytest.raises(InvalidInput, match="it is empty"):
        resolve({"secret": "env/EMPTY_OF_TEST"})


def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    with pytest.raises(InvalidInput, match="not UTF-8 text"):
        resolve({"secret": f"file/{tmp_path / 'binary'}"})
    with pytest.raises(InvalidInput, match="larger than"):
        resolve({"secret": f"file/{tmp_path / 'large'}"})


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("value")
    path.chmod(0)
    was = os.geteuid()
    # Root may read every file, so root is somebody else for a moment.
    os.seteuid(65534 if was == 0 else was)
    try:
        with pytest.raises(InvalidInput, match="cannot read the file"):
            resolve({"secret": f"file/{path}"})
    finally:
        os.seteuid(was)


def test_secrets_are_taken_out_of_strings_and_keys_at_any_depth() -> None:
    value = {"a": ["pre-hunter22-post", 5, None], "hunter22": {"b": "hunter22hunter22"}}
    assert redact(value, ["hunter22"]) == {
        "a": ["pre-[secret]-post", 5, None],
        "[secret]": {"b": "[secret][secret]"},
    }


@pytest.mark.parametrize(
    "shown", ['a b&"c/é', "a%20b%26%22c%2F%C3%A9", "a+b%26%22c%2F%C3%A9", 'a b&\\"c/\\u00e9']
)
def test_a_secret_is_recognised_percent_encoded_and_in_json(shown: str) -> None:
    assert redact(f"<{shown}>", ['a b&"c/é']) == "<[secret]>"


def test_a_secret_within_another_does_not_leave_the_rest_of_the_longer_one() -> None:
    assert redact("token=abcd-efgh", ["abcd", "abcd-efgh"]) == "token=[secret]"


def test_values_shorter_than_four_characters_are_left() -> None:
    assert redact("yes", ["yes"]) == "yes"


ODD = "p@ss w/rd+=é'\"$&%7E<x>\\z"


@pytest.mark.parametrize(
    "shown",
    [
        "/p@ss%20w/rd+=%C3%A9'%22$&%257E%3Cx%3E%5Cz",
        "p%40ss+w%2frd%2b%3d%c3%a9%27%22%24%26%257E%3cx%3e%5cz",
        repr(ODD),
        json.dumps(ODD).replace("/", "\\/"),
        html.escape(ODD),
        html.escape(json.dumps(ODD)).removeprefix("&quot;").removesuffix("&quot;"),
        shlex.quote(ODD),
        base64.b64encode(ODD.encode()).decode(),
        base64.urlsafe_b64encode(ODD.encode()).decode().rstrip("="),
    ],
)
def test_a_secret_is_recognised_as_programs_write_it(shown: str) -> None:
    left = redact(f"<{shown}>", [ODD])
    assert left.replace("'", "").replace('"', "").replace("/", "") == "<[secret]>"


def test_a_line_of_a_secret_is_secret() -> None:
    """`output: lines` makes each of them a string of its own, and an error shows the last."""
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"
    assert redact(["MIIEvQIBADANBg", "then kqhkiG9w0BAQEF."], [key]) == ["[secret]", "then [secret]."]


def test_what_a_cut_leaves_of_a_secret_is_taken_out() -> None:
    token = "".join(f"{number:02d}-" for number in range(30))
    capture = Capture(200)
    capture.add(b"x" * 60 + token.encode() * 2 + b"y" * 100)
    assert "05-06" in capture.text()
    assert "05-06" not in redact(capture.text(), [token])
    assert redact(last_line("z" * 170 + token), [token]) == "z" * 170 + "[secret]…"
    assert redact(f"ends in {token[:40]}", [token]) == "ends in [secret]"
