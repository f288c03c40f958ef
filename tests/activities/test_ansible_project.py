"""The worker's Ansible project: its inventories, roles, collections, settings and encrypted values, and what
a step adds to them. Real Ansible; hosts are reached over the connection `local` where that is enough."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator

from activities.action import Context
from activities.ansible.action import AnsibleAction
from activities.ansible.inventory import read_inventory
from activities.ansible.job import read_job
from activities.ansible.vault import wrong
from stanch.conductor.approval.preview import command_of
from stanch.errors import ActionRefused, InvalidInput, Unreachable
from stanch.language.plan import Call, Json
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.activities.held import until
from tests.support.sshd import Farm

EVALUATED = Path(tempfile.gettempdir()) / "stanch-evaluated-inventory"
TEMPLATE = f"{{{{ lookup('pipe', 'touch {EVALUATED}') }}}}"
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
HERE: Json = {"all": {"hosts": {"here": None}, "vars": LOCAL}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def ansible(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AnsibleAction]:
    monkeypatch.setenv("ANSIBLE_SSH_USETTY", "False")
    with tempfile.TemporaryDirectory(prefix="st-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield AnsibleAction(project)
        assert list(Path(folder).iterdir()) == [], "the private folder is still there"


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def said(result: Any) -> dict[str, list[str]]:
    """The names of the tasks that changed something, host by host."""
    Draft202012Validator(load_catalogue().actions["ansible"].result).validate(result)
    return {host["host"]: [task["name"] for task in host["tasks"]] for host in result["hosts"]}


# --- roles, collections, tags -------------------------------------------------------------------------------

SHOUT = "class FilterModule:\n    def filters(self):\n        return {'shout': str.upper}\n"
TOOLS = "collections/ansible_collections/acme/tools/plugins"
PROJECT = {
    "roles/greet/tasks/main.yml": """\
- {name: "say {{ greeting | acme.tools.shout }}", command: echo, tags: [greet]}
- {name: never, command: "false", tags: [greet, loud]}
- {name: not asked for, command: "false", tags: [other]}
- {name: ask, acme.tools.told: {}, tags: [greet]}
""",
    f"{TOOLS}/filter/shout.py": SHOUT,
    f"{TOOLS}/modules/told.py": "#!/usr/bin/python3\nprint('{\"changed\": true}')\n",
    "playbooks/site.yml": "- {hosts: all, gather_facts: false, roles: [greet]}\n",
    "playbooks/group_vars/all.yml": "greeting: hello\n",
    "group_vars/all.yml": "greeting: hello\n",
}


@pytest.mark.parametrize(
    "playbook", ["playbooks/site.yml", [{"hosts": "all", "gather_facts": False, "roles": ["greet"]}]]
)
async def test_roles_and_collections_of_the_project_are_found(
    ansible: AnsibleAction, project: Path, context: Context, playbook: Json
) -> None:
    write(project, PROJECT)
    step = {
        "playbook": playbook,
        "hosts": ["here"],
        "inventory": HERE,
        "tags": ["greet"],
        "skip_tags": ["loud"],
    }
    assert said(await ansible.perform(step, context)) == {"here": ["say HELLO", "ask"]}


async def test_a_dry_run_shows_what_differs_and_changes_nothing(
    ansible: AnsibleAction, project: Path, context: Context
) -> None:
    (project / "app.conf").write_text("size = 1\n" * 3)
    long = "\n".join(f"{number} old" for number in range(1500))
    (project / "long.conf").write_text(long)
    tasks: Json = [
        {"name": "resize", "copy": {"content": "size = 2\n", "dest": str(project / "app.conf")}},
        {"name": "hidden", "copy": {"content": "s3cr3t", "dest": str(project / "key")}, "no_log": True},
        {"name": "much", "copy": {"content": long.replace("old", "new"), "dest": str(project / "long.conf")}},
    ]
    plays = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    step = {"playbook": plays, "hosts": ["here"], "inventory": HERE, "check": True}
    result = await ansible.perform(step, context)
    assert said(result) == {"here": ["resize", "much"]}
    assert result["hosts"][0]["changed"] == 3
    shown = result["hosts"][0]["diff"]
    assert shown.startswith("TASK [resize]\n--- before: ")
    assert "-size = 1\n" in shown
    assert "+size = 2\n" in shown
    assert "TASK [much]" in shown
    assert len(shown) < 17_000
    assert "bytes cut" in shown
    assert result["truncated"] is True
    assert "s3cr3t" not in str(result)
    assert (project / "app.conf").read_text() == "size = 1\n" * 3
    assert not (project / "key").exists()


# --- inventories --------------------------------------------------------------------------------------------

PLUGIN = """\
from ansible.plugins.inventory import BaseInventoryPlugin

DOCUMENTATION = "{name: fleet, options: {plugin: {required: true}, hosts: {type: list}}}"


class InventoryModule(BaseInventoryPlugin):
    NAME = "fleet"

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        for host in self._read_config_data(path)["hosts"]:
            inventory.add_host(host)
"""
SCRIPT = """\
#!/bin/sh
echo '{"front": {"hosts": ["scripted"]}, "_meta": {"hostvars": {"scripted": {"greeting": "hello"}}}}'
"""
ASK: Json = [{"hosts": "all", "gather_facts": False, "tasks": [{"name": "{{ said }}", "command": "echo"}]}]


async def test_files_programs_and_plugins_are_inventories(
    ansible: AnsibleAction, project: Path, context: Context
) -> None:
    write(
        project,
        {
            "inventory_plugins/fleet.py": PLUGIN,
            "hosts/written.ini": "[front]\nwritten\n",
            "hosts/scripted": SCRIPT,
            "hosts/plugged.yml": "plugin: fleet\nhosts: [plugged]\n",
            "hosts/group_vars/all.yml": yaml.safe_dump({**LOCAL, "greeting": "hi"}),
        },
    )
    (project / "hosts/scripted").chmod(0o755)
    tasks = [{"name": word, "command": "echo", "when": f"greeting == '{word}'"} for word in ("hi", "hello")]
    step = {"playbook": [{**ASK[0], "tasks": tasks}], "hosts": "all", "inventory": "hosts"}
    result = await ansible.perform(step, context)
    assert said(result) == {"written": ["hi"], "scripted": ["hello"], "plugged": ["hi"]}


async def test_a_program_that_cannot_tell_its_hosts_leaves_everything_alone(
    ansible: AnsibleAction, project: Path, context: Context
) -> None:
    script = "#!/bin/sh\necho 'no answer from the fleet' >&2; exit 3\n"
    write(project, {"hosts/written.ini": "here ansible_connection=local\n", "hosts/scripted": script})
    (project / "hosts/scripted").chmod(0o755)
    step = {"playbook": ASK, "hosts": "all", "inventory": "hosts", "vars": {"said": "x"}}
    with pytest.raises(Unreachable, match=r"nothing was executed: .*no answer from the fleet"):
        await ansible.perform(step, context)


async def test_hosts_that_another_step_has_found_are_data(ansible: AnsibleAction, context: Context) -> None:
    hosts = [
        {"name": "db1", "groups": ["db"], "vars": {"said": TEMPLATE, "ansible_host": "127.0.0.1"}},
        {"name": "db2", "groups": ["db", "old"], "vars": {"said": "{{ 1 + 1 }}"}},
        "web1",
    ]
    plays = [{**ASK[0], "hosts": "db", "connection": "local"}]
    step = {"playbook": plays, "hosts": "db", "limit": "!old", "inventory": hosts}
    assert said(await ansible.perform(step, context)) == {"db1": [TEMPLATE]}
    assert not EVALUATED.exists()


@pytest.mark.parametrize(
    ("inventory", "says"),
    [
        ([], "an empty list"),
        (["-oProxyCommand=x"], "`-oProxyCommand=x`, which is no host name"),
        (["{{ x }}"], "which is no host name"),
        ([{"host": "a"}], "maps with `name`"),
        ([{"name": "a", "groups": ["b c"]}], "`b c`, which is no name of a group"),
        ([{"name": "a", "groups": "bc"}], "that are no list"),
        (
            [{"name": "a", "vars": {"ansible_connection": "local"}}],
            "`ansible_connection` for `a`; of Ansible's",
        ),
        ([{"name": "a", "vars": {"ansible_ssh_common_args": "-o x"}}], "`ansible_ssh_common_args`"),
        (
            [{"name": "a", "vars": {"ansible_host": "-oProxyCommand=x"}}],
            "`-oProxyCommand=x` as `ansible_host`",
        ),
        ([{"name": "a", "vars": {"ansible_user": 'x" -o y'}}], "as `ansible_user` of `a`"),
        ({"g": {"hosts": {"{{ x }}": None}}}, "`{{ x }}` in the group `g`"),
        ({"g": {"hosts": ["{{ x }}"]}}, "`{{ x }}`, which is no host name"),
        ({"g": {"children": {"{{ x }}": None}}}, "`{{ x }}`, which is no name of a group"),
        ({"g": {"hosts": "a"}}, "must be maps"),
        ({"g": []}, "must be a map"),
    ],
)
def test_an_inventory_that_could_steer_the_worker_is_refused(inventory: Json, says: str) -> None:
    with pytest.raises(InvalidInput, match=r"^ansible: `inventory` ") as raised:
        read_inventory(inventory)
    assert says in str(raised.value)


def test_hosts_of_a_group_may_be_a_list_and_have_ranges() -> None:
    given: Json = {"web": {"hosts": ["a", "b"], "children": {"db": {"hosts": {"db[1:9]": {"x": 1}}}}}}
    assert read_inventory(given) == {
        "web": {"hosts": {"a": None, "b": None}, "children": {"db": {"hosts": {"db[1:9]": {"x": 1}}}}}
    }


async def test_how_to_log_in_stands_in_the_project(
    ansible: AnsibleAction, project: Path, farm: Farm, context: Context
) -> None:
    write(
        project,
        {
            "ansible.cfg": f"""\
[defaults]
remote_user = {farm.user}
private_key_file = {farm.key}
[ssh_connection]
ssh_args = -F none -o UserKnownHostsFile={farm.known_hosts} -o BatchMode=yes
""",
            "hosts.ini": f"web ansible_host=127.0.0.1 ansible_port={farm['web1'].port}\n",
        },
    )
    step = {"module": "raw", "args": 'echo "$STANCH_HOST"', "hosts": ["web"], "inventory": "hosts.ini"}
    result = await ansible.perform(step, context)
    assert result["hosts"][0]["result"]["stdout"] == "web1\n"


# --- passwords ----------------------------------------------------------------------------------------------


def encrypted(text: str, password: str, name: str | None = None) -> str:
    """As `ansible-vault` does it."""
    secret = VaultSecret(password.encode())
    return str(VaultLib([("", secret)]).encrypt(text, secret, vault_id=name).decode())


def inline(key: str, text: str) -> str:
    return f"{key}: !vault |\n" + "".join(f"  {line}\n" for line in text.splitlines())


@pytest.fixture(scope="module")
def vaults() -> dict[str, str]:
    return {
        "group_vars/all/vault.yml": encrypted("first: one\n", "password-of-prod", "prod"),
        "group_vars/all/main.yml": inline("second", encrypted("two", "password-of-all")),
        "site.yml": """\
- hosts: all
  gather_facts: false
  tasks:
    - {name: "{{ first }} and {{ second }}", command: echo}
    - name: wait
      shell: "while [ -e hold ]; do : >held; sleep 0.05; done"
      args: {chdir: "{{ playbook_dir }}"}
""",
    }


async def test_vault_passwords_open_what_is_encrypted_and_are_seen_by_nobody(
    ansible: AnsibleAction, project: Path, vaults: dict[str, str], beats: Beats
) -> None:
    write(project, {**vaults, "hold": ""})
    passwords: Json = {"prod": "password-of-prod", "default": "password-of-all"}
    step = {
        "playbook": "site.yml",
        "hosts": ["here"],
        "inventory": HERE,
        "vault": passwords,
        "become_password": "password-of-root",
    }
    running = asyncio.create_task(ansible.perform(step, beats.context()))
    try:
        await until(lambda: (project / "held").exists() or running.done())
        assert [process for process in psutil.process_iter() if tells(process, "password-of-")] == []
        files = [path for path in Path(tempfile.gettempdir()).rglob("*") if path.is_file()]
        assert [path for path in files if b"password-of-" in path.read_bytes()] == []
    finally:
        (project / "hold").unlink()
    assert said(await running) == {"here": ["one and two", "wait"]}


def tells(process: psutil.Process, text: str) -> bool:
    """Whether it has `text` in its command line or environment."""
    try:
        return text in " ".join(process.cmdline()) or text in str(process.environ())
    except psutil.Error:
        return False


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"prod": "password-of-prod", "default": "password-of-all"}, None),
        ({"prod": "password-of-all", "default": "password-of-all"}, "prod"),
        ({"prod": "password-of-prod", "default": "no"}, "default"),
        ({"prod": "password-of-prod "}, None),  # Ansible strips it, too
        ({"elsewhere": "no"}, "elsewhere"),
        ({"elsewhere": "password-of-all"}, None),
    ],
)
def test_a_password_is_tried_on_what_is_encrypted_for_it(
    project: Path, vaults: dict[str, str], given: dict[str, str], named: str | None
) -> None:
    write(project, vaults)
    assert wrong(given, project) == named


def test_where_nothing_is_encrypted_no_password_is_wrong(project: Path) -> None:
    write(project, {"site.yml": "[]", "vendor.txt": "$ANSIBLE_VAULT;1.1;AES256\nnot hex\n"})
    assert wrong({"prod": "x"}, project) is None


def test_a_single_password_is_tried_on_whatever_has_an_id(project: Path, vaults: dict[str, str]) -> None:
    write(project, {"vault.yml": vaults["group_vars/all/vault.yml"]})
    assert wrong({"default": "no"}, project) == "default"
    assert wrong({"default": "password-of-prod"}, project) is None


async def test_a_wrong_vault_password_is_refused_and_nothing_is_executed(
    ansible: AnsibleAction, project: Path, vaults: dict[str, str], context: Context
) -> None:
    write(project, vaults)
    step: Json = {"playbook": "site.yml", "hosts": ["here"], "inventory": HERE, "vault": "wrong-password"}
    with pytest.raises(
        ActionRefused, match=r"^nothing was executed: .* the id `default` opens nothing"
    ) as raised:
        await ansible.perform(step, context)
    assert "wrong-password" not in str(raised.value)


def test_who_approves_sees_whom_it_leaves_out_and_as_whom_it_acts() -> None:
    params = {"playbook": "site.yml", "hosts": "all", "limit": "!old", "tags": ["a", "b"], "become": True}
    secret = {"become_password": {"secret": "env/SUDO"}, "vault": {"secret": "env/VAULT"}, "check": True}
    said = command_of(Call("ansible", {**params, **secret}))
    assert said == "ansible-playbook site.yml --limit '!old' --tags a,b --become-user root --check"


SUDO = """\
#!/bin/sh
# Asks as sudo does, for the password of an account that has none.
while [ "$1" != -u ]; do [ "$1" = -p ] && printf %s "$2" >&2; shift; done
[ "$2" = root ] || exit 3
shift 2
read -r given
[ "$given" = open-sesame ] || { echo 'Sorry, try again.' >&2; exit 1; }
exec "$@"
"""


async def test_the_password_of_become_is_given_to_who_asks(
    ansible: AnsibleAction, farm: Farm, context: Context
) -> None:
    program = farm.folder / "asks-as-sudo"
    program.write_text(SUDO)
    program.chmod(0o755)
    action = AnsibleAction(None, farm.config_file)
    step: Json = {
        "module": "raw",
        "args": "echo let in",
        "hosts": ["web1"],
        "vars": {"ansible_become_exe": str(program)},
        "become": True,
        "become_password": "open-sesame",
    }
    result = await action.perform(step, context)
    assert result["hosts"][0]["result"]["stdout"].strip() == "let in"
    assert "open-sesame" not in str(result)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"tags": ["a,b"]}, "`tags` has `a,b`, which is no tag"),
        ({"tags": []}, "`tags` is empty"),
        ({"skip_tags": ["--x"]}, "`skip_tags` has `--x`"),
        ({"become": "-x"}, "`become` is `-x`"),
        ({"become_password": 1}, "`become_password` must be a secret"),
        ({"vault": ["a"]}, "`vault` must be a secret, or secrets by vault id"),
        ({"vault": {"a@b": "c"}}, "`vault` has `a@b`, which is no vault id"),
        ({"vault": {"a": 1}}, "`vault.a` must be a secret"),
        ({"diff": 1}, "`diff` is `1`"),
        ({"inventory": 7}, "`inventory` must be"),
    ],
)
def test_wrong_parameters_are_named(params: dict[str, Json], says: str) -> None:
    with pytest.raises(InvalidInput, match=r"^ansible: ") as raised:
        read_job({"module": "ping", "hosts": ["web1"], **params}, None)
    assert says in str(raised.value)
