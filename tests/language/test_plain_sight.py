"""Secrets that others can read where they stand."""

from __future__ import annotations

import pytest

from tests.language.cases import really_compiled, whole

SSH = "- id: s\n  ssh: {hosts: [a], %s}\n  effect: read\n"
HTTP = "- id: s\n  http: {url: 'http://x/', %s}\n"
PLAY = "- id: s\n  ansible: {hosts: [a], module: m.m.m, %s}\n  effect: read\n"


def told(fragment: str) -> list[tuple[str, str]]:
    """The codes about secrets, each with what is pointed at."""
    text = whole(fragment)
    lines = text.splitlines()
    return [
        (each.code, lines[each.span.line - 1][each.span.column - 1 : each.span.end_column - 1])
        for each in really_compiled(text).diagnostics
        if each.code in ("RB525", "RB532", "RB203", "RB204")
    ]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("[mysql, --password=hunter2, -e, x]", "--password=hunter2"),
        ("[mysql, '--password=${{ run.id }}']", "'--password=${{ run.id }}'"),
        ("[app, --db-password, hunter2]", "hunter2"),
        ("[app, --api-key, '${{ run.id }}']", "'${{ run.id }}'"),
        ("[sudo, mysqldump, -phunter2, shop]", "-phunter2"),
        ("[/usr/bin/mysql, -phunter2]", "-phunter2"),
        ("[sshpass, -p, hunter2, ssh, b]", "hunter2"),
        ("[redis-cli, -a, hunter, ping]", "hunter"),
        ("[curl, -u, 'me:hunter2', b]", "'me:hunter2'"),
        ("[env, PGPASSWORD=hunter2, psql]", "PGPASSWORD=hunter2"),
        ("[vault, login, --token=s.1234]", "--token=s.1234"),
        ("[app, --auth_token=abc]", "--auth_token=abc"),
        ("[sh, -c, 'PGPASSWORD=hunter2 psql -l']", "hunter2"),
    ],
)
def test_the_words_of_a_command_are_seen_by_everybody_on_the_host(words: str, shown: str) -> None:
    assert told(SSH % f"run: {words}") == [("RB532", shown)]


@pytest.mark.parametrize(
    "words",
    [
        "[mysql, --password]",
        "[mysql, -p, -e, x]",
        "[mysql, -P, '3306', --port=3306]",
        "[app, --password-file=/run/secrets/db]",
        "[app, --password, --force]",
        "[app, --password=/run/secrets/db]",
        "[app, '--password=file:/run/secrets/db']",
        "[app, '--password=<password>']",
        "[aws, s3api, --starting-token, abc]",
        "[aws, --next-token=abc]",
        "[grep, password, /etc/app.conf]",
        "[app, --secret, name-of-one]",
        "[ssh, -p2222, b]",
        "[docker, exec, mysql, nc, -p2222]",
        "[curl, -u, me, b]",
        "[app, --no-token]",
    ],
)
def test_a_word_that_says_where_the_secret_is_does_not_show_it(words: str) -> None:
    assert told(SSH % f"run: {words}") == []


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        ("PGPASSWORD=hunter2 psql -l", ["hunter2"]),
        ("app --password 'hunter 2' --all", ["'hunter 2'"]),
        ("export API_TOKEN=abc; app", ["abc"]),
        ("app --password=hunter", ["hunter"]),
        ('PGPASSWORD="$SECRET" psql --password="$SECRET"', []),
        ("TOKEN=$(cat /run/token)", []),
        ("TOKEN=`cat /run/token`", []),
        ("password=1 app", []),
        ("read PASSWORD", []),
        ("app --password-file x", []),
    ],
)
def test_a_script_writes_no_secret_out(script: str, shown: list[str]) -> None:
    step = f"- id: s\n  ssh: {{hosts: [a]}}\n  effect: read\n  script: |\n    {script}\n"
    assert told(step) == [("RB532", each) for each in shown]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (HTTP.replace("x/", "x/a?token=abc&b=1") % "fresh: true", [("RB532", "abc")]),
        (HTTP.replace("x/", "x/a?b=1&api_key=${{ run.id }}") % "fresh: true", [("RB532", "${{ run.id }}")]),
        (HTTP.replace("x/", "x/?page_token=abc&key=a&tokens=3") % "fresh: true", []),
        (HTTP % "query: {token: {secret: env/A}}", [("RB532", "{secret: env/A}")]),
        (HTTP % "headers: {X-Token: {secret: env/A}}", []),
        (HTTP % "json: {token: {secret: env/A}}", []),
        (HTTP % "json: {password: hunter}", [("RB532", "hunter")]),
        (HTTP % "json: {password: hunter22}", [("RB525", "hunter22")]),
        (HTTP % "json: {password: '${{ run.id }}', token: refresh_token}", []),
        (HTTP % "json: {password: none, password_field: pw}", []),
        (SSH % "run: [x], env: {A: {secret: env/A}}", [("RB532", "{secret: env/A}")]),
        (SSH % "run: [x], env: {A_PASSWORD: hunter}", [("RB532", "hunter")]),
        (SSH % "run: [x], stdin: {secret: env/A}", []),
        (SSH % "run: [x, {secret: env/A}]", [("RB525", "{secret: env/A}")]),
        (SSH % "run: [curl, 'https://b/?token=abc']", [("RB532", "abc")]),
        (
            SSH % "run: [curl, -H, 'Authorization: Bearer abcdefgh']",
            [("RB525", "'Authorization: Bearer abcdefgh'")],
        ),
        (PLAY % "vars: {password: hunter}", [("RB532", "hunter")]),
        (PLAY % "vars: {password: hunter2}", [("RB525", "hunter2")]),
        (PLAY % "vars: {app: {db_password: {secret: env/A}}}", []),
        (PLAY % "args: 'name=shop login_password=hunter2'", [("RB532", "hunter2")]),
        (
            HTTP % "fresh: true" + "  links: [{title: a, url: 'https://b/?token=abc'}]\n",
            [("RB532", "abc")],
        ),
    ],
)
def test_a_secret_goes_where_it_is_hidden(step: str, expected: list[tuple[str, str]]) -> None:
    assert told(step) == expected


@pytest.mark.parametrize(
    ("name", "schema", "expected"),
    [
        ("db_password", "{type: string}", ["RB532"]),
        ("access_token", "{type: string}", ["RB532"]),
        ("api_key", "{type: string}", ["RB532"]),
        ("password_length", "{type: integer}", []),
        ("rotate_password", "{type: boolean}", []),
        ("token", "{type: string}", []),
        ("key", "{type: string}", []),
    ],
)
def test_what_a_run_is_given_is_kept(name: str, schema: str, expected: list[str]) -> None:
    assert [code for code, _ in told(f"inputs:\n  {name}: {schema}\n")] == expected
    asked = f"- id: q\n  ask: {{from: a, fields: {{{name}: {schema}}}}}\n"
    assert [code for code, _ in told(asked)] == expected


def test_what_is_said_about_a_secret_does_not_repeat_it() -> None:
    (found,) = (
        each
        for each in really_compiled(whole(SSH % "run: [mysql, --password=hunter2]")).diagnostics
        if each.code == "RB532"
    )
    assert "hunter2" not in f"{found.message} {found.hint}"
