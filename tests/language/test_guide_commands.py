"""What the guide prints to be pasted does what the step would have done, whatever is in its values."""

from __future__ import annotations

import json
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stanch.language.plan import Call, Json
from stanch.language.render.guide.curl import http, prometheus
from tests.language.guides import Shell, commands, guide_of

HOSTILE = [
    "plain",
    "two words",
    "it's",
    '"quoted"',
    "$(touch owned)",
    "`touch owned`",
    "a'; touch owned; 'b",
    "back\\slash",
    "line\nbreak",
    "tab\tbed",
    "!history!",
    "$HOME",
    "-rf",
    "*",
    "~",
    "a;b&c|d>e<f",
    "#no comment",
    "\x1b]0;owned\x07",
    "turn\u202earound",
    "日本 😀",
    "```\n# heading",
    "SCRIPT",
    "=zsh",
    "",
    "'\"'\"'",
    "%s\\033",
]
WORDS = st.sampled_from(HOSTILE) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def remote_line(call: list[str], host: str) -> str:
    """What `ssh` gives the remote shell: the words behind the `--` with a space between."""
    assert call[:2] == [host, "--"]
    return " ".join(call[2:])


def ran(shell: Shell, argv: list[str], **params: Any) -> list[list[str]]:
    """The arguments of `tool`, when the printed command was pasted and its line run at the other end."""
    (line,) = commands(guide_of(Call("ssh", {"hosts": ["web1"], "run": argv, **params}, one=True)))
    (call,) = shell.runs(line, "ssh")
    return shell.runs(remote_line(call, "web1"), "tool")


@pytest.mark.parametrize("value", HOSTILE)
def test_an_argument_arrives_over_ssh_as_it_is(shell: Shell, value: str) -> None:
    assert ran(shell, ["tool", value, "end"]) == [[value, "end"]]
    assert not (shell.bin / "owned").exists()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, max_size=4))
def test_any_arguments_arrive_over_ssh_as_they_are(argv: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert ran(Shell(Path(folder)), ["tool", *argv]) == [argv]


@pytest.mark.parametrize("value", HOSTILE)
def test_bash_takes_what_is_pasted_as_sh_does(shell: Shell, value: str) -> None:
    if not shutil.which("bash"):
        pytest.skip("there is no bash")
    (line,) = commands(guide_of(Call("ssh", {"hosts": ["web1"], "run": ["tool", value]}, one=True)))
    assert shell.runs(line, "ssh", by="bash") == shell.runs(line, "ssh")


def test_a_plain_command_is_as_one_would_type_it() -> None:
    call = Call(
        "ssh", {"hosts": ["web1"], "run": ["deploy", "rollback", "shop", "--now", 3, True], "as": "deploy"}
    )
    assert commands(guide_of(call)) == ["ssh deploy@web1 -- deploy rollback shop --now 3 true\n"]


def test_each_target_has_a_block_of_its_own() -> None:
    call = Call("ssh", {"hosts": "${{ inputs.hosts }}", "run": ["uptime"]})
    guide = guide_of(call, {"hosts": ["web1", "web2"]})
    assert commands(guide) == ["ssh web1 -- uptime\n", "ssh web2 -- uptime\n"]


def test_many_targets_are_listed_and_one_is_written_out() -> None:
    hosts = [f"web{at}" for at in range(50)]
    guide = guide_of(Call("ssh", {"hosts": hosts, "run": ["uptime"]}))
    assert commands(guide) == ["ssh web0 -- uptime\n"]
    assert "50 hosts" in guide
    assert "`web49`" in guide


@pytest.mark.parametrize("host", ["-oProxyCommand=touch owned", "a b", "", "$(x)", "a\nb"])
def test_what_is_no_host_is_no_command_either(host: str) -> None:
    guide = guide_of(
        Call("ssh", {"hosts": ["${{ inputs.host }}"], "run": ["uptime"]}, one=True), {"host": host}
    )
    assert commands(guide) == []
    assert "is no host name; do not connect to it" in guide


def test_variables_and_standard_input_of_a_command_arrive(shell: Shell) -> None:
    env = {"A": "it's $HOME", "B": "\x1b[1m"}
    (line,) = commands(
        guide_of(
            Call("ssh", {"hosts": ["web1"], "run": ["tool"], "env": env, "stdin": "one\n'two' $x"}, one=True)
        )
    )
    assert line.startswith("printf %s ")
    (call,) = shell.runs(line, "ssh")
    assert shell.runs(remote_line(call, "web1"), "env") == [[*(f"{k}={v}" for k, v in env.items()), "tool"]]


@pytest.mark.parametrize("more", [{}, {"stdin": "text"}])
def test_a_script_runs_as_it_is_written(tmp_path: Path, shell: Shell, more: dict[str, str]) -> None:
    script = 'tool "$A" \'it\' \\\n  "`echo x`" $((1 + 1))\nSCRIPT=1; tool SCRIPT\n# SCRIPT\nSCRIPT_=x\n'
    call = Call("ssh", {"hosts": ["web1"], "script": script, "env": {"A": "it's"}, **more}, one=True)
    (line,) = commands(guide_of(call))
    near = shell.bin / "ssh"
    # Stands for the other end: its shell is given the words behind the host, and the standard input.
    near.write_text('#!/bin/sh\n[ "$1" = web1 ] && [ "$2" = -- ] || exit 9\nshift 2\nexec /bin/sh -c "$*"\n')
    near.chmod(0o755)
    assert shell.runs(line, "tool") == [["it's", "it", "x", "2"], ["SCRIPT"]]


# --- curl -------------------------------------------------------------------------------------------------


def curled(
    shell: Shell, params: dict[str, Any], inputs: dict[str, Any] | None = None, **environment: str
) -> list[str]:
    (line,) = commands(guide_of(Call("http", params, one=True), inputs))
    (call,) = shell.runs(line, "curl", **environment)
    return call


def after(call: list[str], option: str) -> list[str]:
    return [value for name, value in pairwise(call) if name == option]


@pytest.mark.parametrize("value", HOSTILE)
def test_data_arrives_with_curl_as_it_is(shell: Shell, value: str) -> None:
    url = "https://x.example.org/a?b={c}&d=[1]"
    params = {
        "method": "POST",
        "url": url,
        "json": {"why": "${{ inputs.v }}"},
        "headers": {"X-Why": "${{ inputs.v }}"},
    }
    call = curled(shell, params, {"v": value})
    assert call[-1] == url
    assert "-g" in call, "curl makes several addresses of braces and brackets"
    assert json.loads(after(call, "--data-raw")[0]) == {"why": value}
    assert after(call, "-X") == ["POST"]
    assert (f"X-Why: {value}" if value else "X-Why;") in after(call, "-H")
    assert "Content-Type: application/json" in after(call, "-H")


@pytest.mark.parametrize("value", HOSTILE)
def test_fields_of_a_query_and_of_a_form_arrive_as_they_are(shell: Shell, value: str) -> None:
    params = {"url": "https://x.example.org/", "query": {"a@b": "${{ inputs.v }}", "n": [1, True]}}
    call = curled(shell, params, {"v": value})
    assert "-G" in call
    assert after(call, "--data-urlencode") == [f"a%40b={value}", "n=1", "n=true"]
    form = {"method": "POST", "url": "https://x.example.org/?q=1", "form": {"text": "${{ inputs.v }}"}}
    call = curled(shell, {**form, "query": {"v": "${{ inputs.v }}"}}, {"v": value})
    assert after(call, "--data-urlencode") == [f"text={value}"]
    assert "-G" not in call
    assert parse_qsl(urlsplit(call[-1]).query, keep_blank_values=True) == [("q", "1"), ("v", value)]


def test_the_rest_of_a_request_has_its_options(shell: Shell) -> None:
    call = curled(
        shell,
        {
            "method": "HEAD",
            "url": "https://x.example.org/",
            "follow_redirects": True,
            "connect_to": "10.0.0.1",
            "fresh": True,
            "ca_file": "/etc/ca.pem",
            "headers": {"Empty": ""},
        },
    )
    assert call == [
        *("-sS", "--head", "-m", "60", "-L", "--max-redirs", "10", "--connect-to", "::10.0.0.1:"),
        *(
            "--cacert",
            "/etc/ca.pem",
            "-H",
            "Cache-Control: no-cache",
            "-H",
            "Pragma: no-cache",
            "-H",
            "Empty;",
        ),
        "https://x.example.org/",
    ]
    other = curled(shell, {"url": "https://x.example.org/", "connect_to": "10.0.0.1:8443"})
    assert after(other, "--connect-to") == ["::10.0.0.1:8443"]


def test_a_body_that_begins_with_an_at_sign_is_no_file(shell: Shell) -> None:
    call = curled(shell, {"method": "PUT", "url": "https://x.example.org/", "body": "@/etc/passwd"})
    assert after(call, "--data-raw") == ["@/etc/passwd"]


def test_a_secret_is_its_variable_and_nothing_else(shell: Shell) -> None:
    secret = {"secret": "env/EDGE_TOKEN"}
    params = {
        "method": "POST",
        "url": "https://x.example.org/",
        "json": {"list": ["a", secret], "b": {"token": secret}},
        "headers": {"X-Token": secret},
        "auth": {"bearer": secret},
    }
    guide = guide_of(Call("http", params))
    assert "`env/EDGE_TOKEN`: the environment variable `EDGE_TOKEN` of Stanch's worker" in guide
    (read, line) = commands(guide)
    assert read == "read -rs EDGE_TOKEN && export EDGE_TOKEN\n"
    (call,) = shell.runs(line, "curl", EDGE_TOKEN="s3cr3t '$(x)")
    assert after(call, "-H") == [
        "X-Token: s3cr3t '$(x)",
        "Content-Type: application/json",
        "Authorization: Bearer s3cr3t '$(x)",
    ]
    assert json.loads(after(call, "--data-raw")[0]) == {
        "list": ["a", "s3cr3t '$(x)"],
        "b": {"token": "s3cr3t '$(x)"},
    }


def test_user_and_password_are_one_word(shell: Shell) -> None:
    auth = {"username": "it's me", "password": {"secret": "file/etc/stanch/pass.word"}}
    guide = guide_of(Call("http", {"url": "https://x.example.org/", "auth": auth}))
    (call,) = shell.runs(commands(guide)[-1], "curl", PASS_WORD="p w")
    assert after(call, "--user") == ["it's me:p w"]
    assert "the content of the file `etc/stanch/pass.word` on Stanch's worker" in guide


@pytest.mark.parametrize("url", ["-o/etc/passwd", "file:///etc/passwd", "javascript:x", "https://", "a b"])
def test_what_is_no_address_is_no_command_either(url: str) -> None:
    guide = guide_of(Call("http", {"url": "${{ inputs.url }}"}), {"url": url})
    assert commands(guide) == []
    assert "do not open it" in guide


# --- others -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"pages": {}}, 'the header `Link` names with `rel="next"`'),
        ({"pages": {"number": "page"}}, "with the next `page`, until a page is empty"),
        ({"pages": {"cursor": "/next", "into": "after"}}, "what stands at `/next`, as `after` in the query"),
        ({"pages": {"cursor": "/next"}}, "what stands at `/next`, which is the next address"),
        ({"select": "/data"}, "look at `/data`"),
        (
            {"client_certificate": {"certificate": "/etc/us.pem", "key": {"secret": "env/KEY"}}},
            "the client certificate `/etc/us.pem`",
        ),
    ],
)
def test_what_curl_does_not_do_by_itself_is_said(params: dict[str, Json], says: str) -> None:
    assert says in " ".join(http({"url": "https://x.example.org/", **params}, 0))


def test_how_it_was_over_some_time_is_looked_at_on_the_page_of_prometheus() -> None:
    asked = {"query": "up", "range": {"last": "1h", "end": "2026-11-23T08:00:00Z"}}
    told = " ".join(prometheus(asked, ""))
    assert "on its page under *Graph*, the last 1h, until 2026-11-23T08:00:00Z." in told


def test_prometheus_is_asked_by_its_query_and_by_its_api(shell: Shell) -> None:
    query = 'sum(rate(http_errors_total{service="${{ inputs.s }}"}[1m]))'
    guide = guide_of(
        Call("prometheus", {"query": query, "server": "https://p.example.org/x/"}), {"s": "it's"}
    )
    asked = 'sum(rate(http_errors_total{service="it\'s"}[1m]))'
    assert f"```promql\n{asked}\n```" in guide
    (call,) = shell.runs(commands(guide)[0], "curl")
    assert call == ["-sS", "-G", "--data-urlencode", f"query={asked}", "https://p.example.org/x/api/v1/query"]


def test_ansible_has_its_line(shell: Shell) -> None:
    params = {
        "playbook": "update.yml",
        "hosts": ["db1", "db2"],
        "vars": {"why": "it's"},
        "forks": 2,
        "check": True,
    }
    (line,) = commands(guide_of(Call("ansible", params)))
    (call,) = shell.runs(line, "ansible-playbook")
    assert call == [
        *("-i", "db1,db2,", "--limit", "db1,db2", "-e", '{"why": "it\'s"}', "--check", "--diff", "-f", "2"),
        "update.yml",
    ]


def test_one_module_and_plays_of_the_runbook_have_theirs(shell: Shell) -> None:
    module = {
        "module": "ansible.builtin.service",
        "hosts": "web:!web3",
        "inventory": "hosts.ini",
        "args": {"a": "b c"},
    }
    (line,) = commands(guide_of(Call("ansible", {**module, "limit": "!web4"})))
    (call,) = shell.runs(line, "ansible")
    assert call == [
        *("all", "-i", "hosts.ini", "--limit", "web:!web3:!web4", "-m", "ansible.builtin.service"),
        *("-a", '{"a": "b c"}'),
    ]
    rest = {"tags": ["a", "b"], "skip_tags": ["c"], "become": "deploy", "diff": True}
    asked = {"become_password": {"secret": "env/SUDO"}, "vault": {"prod": {"secret": "env/PROD"}}}
    *_, line = commands(guide_of(Call("ansible", {"playbook": "a.yml", "hosts": ["a"], **rest, **asked})))
    (call,) = shell.runs(line, "ansible-playbook")
    assert call == [
        *("-i", "a,", "--limit", "a", "--diff", "--tags", "a,b", "--skip-tags", "c"),
        *("--become", "--become-user", "deploy", "--ask-become-pass", "--vault-id", "prod@prompt", "a.yml"),
    ]

    plays = guide_of(Call("ansible", {"playbook": [{"hosts": "all"}], "hosts": ["a"]}))
    assert "Save this as `play.yml`:" in plays
    assert commands(plays) == ["ansible-playbook -i a, --limit a play.yml\n"]


def test_what_is_known_later_is_quoted_until_it_is_put_in(shell: Shell) -> None:
    """Pasted by mistake, `<...>` is no redirection."""
    call = Call("ssh", {"hosts": ["web1"], "run": ["tool", "${{ steps.current.bad }}"]}, one=True)
    (line,) = commands(guide_of(call))
    late = '<steps.current.bad, known after "current">'
    (asked,) = shell.runs(line, "ssh")
    assert shell.runs(remote_line(asked, "web1"), "tool") == [[late]]
    filled = line.replace('<steps.current.bad, known after \\"current\\">', "2026.11.2")
    (asked,) = shell.runs(filled, "ssh")
    assert shell.runs(remote_line(asked, "web1"), "tool") == [["2026.11.2"]]
