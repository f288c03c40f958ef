"""The action `pull_request` against real repositories, and forges that have one behind them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.responses import Response

from activities.action import Context, Knowing
from activities.attempt.parameters import Parameters
from activities.pull_request import PullRequest
from activities.pull_request.action import branch_of
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.activities.served import Scripted, free_port
from tests.support.repository import GitHubHere, GitLabHere, Repository, make_repository
from tests.support.sshd import Farm
from tests.support.until import until

SPEC = load_catalogue().actions["pull_request"]
KEY = "run/rollback-config/ab12@1763630000.000/take_back#7"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "there")


@pytest.fixture
async def action(repository: Repository, site: Scripted) -> AsyncIterator[PullRequest]:
    forge = {"url": site.url, "project": "team/config", "token": "forge-token"}
    made = PullRequest(
        Systems(
            {
                "config": {"kind": "git", "url": str(repository.bare)},
                "hub": {"kind": "github", **forge},
                "lab": {"kind": "gitlab", **forge},
                "away": {"kind": "git", "url": f"http://127.0.0.1:{free_port()}/x.git"},
                "gone": {"kind": "git", "url": str(repository.bare.parent / "no such")},
                "runs": {"kind": "git", "url": "ext::sh -c 'touch /tmp/never'"},
            }
        )
    )
    yield made
    await made.close()


@pytest.fixture
def context(beats: Beats) -> Context:
    return replace(beats.context(timeout=60.0), key=KEY)


def give(folder: Path, user: str) -> None:
    """Git refuses a repository that is another's."""
    subprocess.run(["chown", "-R", user, str(folder)], check=True, timeout=30)


async def done(action: PullRequest, params: dict[str, Any], context: Context) -> Any:
    """As the activity does it: what is in place is not executed, and afterwards it is."""
    Parameters(SPEC).check(params)
    assert isinstance(action, Knowing)
    before = await action.look(params, context)
    assert not before.done
    result = await action.perform(params, context)
    Draft202012Validator(SPEC.result).validate(result)
    after = await action.look(params, context)
    assert after.done
    Draft202012Validator(SPEC.result).validate(after.result)
    return result, before.back


async def taken_back(action: PullRequest, params: dict[str, Any], back: Any, context: Context) -> Any:
    merged = {**params, **back}
    undo = {name: held for name, held in merged.items() if held is not None}
    return (await done(action, undo, context))[0]


def asked(system: str = "config", **more: Any) -> dict[str, Any]:
    return {"repository": system, **more}


# --- a repository without requests ------------------------------------------------------------------------


async def test_a_commit_is_taken_back_on_a_branch_of_its_own(
    action: PullRequest, repository: Repository, context: Context
) -> None:
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    last = repository.commit("Something else", other_yaml="a: 2\n")
    result, back = await done(action, asked(revert={"commit": bad[:12]}), context)
    branch = result["branch"]
    assert branch == branch_of(KEY)
    assert branch.startswith("stanch/rollback-config-ab12-take-back-")
    assert (result["state"], result["merged"], result["number"]) == ("open", False, 0)
    assert (result["reverted"], result["files"]) == ([bad], ["limits.yaml"])
    assert repository.branches() == {"main": last, branch: result["commit"]}
    assert repository.shown(branch, "limits.yaml") == "requests: 100"
    assert repository.shown(branch, "other.yaml") == "a: 2"
    assert (
        repository.git("log", "-1", "--format=%s", branch, at=repository.bare) == 'Revert "Lower the limit"'
    )
    undone = await taken_back(action, asked(revert={"commit": bad}), back, context)
    assert undone["state"] == "closed"
    assert repository.branches() == {"main": last}


async def test_a_merged_one_is_taken_back_by_another(
    action: PullRequest, repository: Repository, context: Context
) -> None:
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    params = asked(revert={"commit": bad}, merge=True, title="Limits as they were", body="Orders fail.")
    result, back = await done(action, params, context)
    assert (result["state"], result["merged"]) == ("merged", True)
    assert repository.branches() == {"main": result["commit"]}
    assert repository.shown("main", "limits.yaml") == "requests: 100"
    message = repository.git("log", "-1", "--format=%B", "main", at=repository.bare)
    assert message.startswith("Limits as they were\n\nOrders fail.\n\nThis reverts commit ")
    undone = await taken_back(action, params, back, context)
    assert (undone["state"], undone["reverted"]) == ("merged", [result["commit"]])
    assert repository.shown("main", "limits.yaml") == "requests: 1"


async def test_all_that_came_after_a_good_commit_is_taken_back_at_once(
    action: PullRequest, repository: Repository, context: Context
) -> None:
    good = repository.commit("Good", limits_yaml="requests: 50\n")
    repository.git("checkout", "-q", "-b", "side")
    (repository.work / "side.yaml").write_text("x: 1\n")
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "On a side branch")
    repository.git("checkout", "-q", "main")
    bad = repository.commit("Bad", limits_yaml="requests: 2\n")
    repository.git("merge", "-q", "--no-ff", "-m", "Bring the side in", "side")
    worse = repository.commit("Worse", limits_yaml="requests: 1\n")
    result, _ = await done(action, asked(revert={"after": good}, merge=True), context)
    assert (result["reverted"][0], result["reverted"][2]) == (worse, bad)
    assert len(result["reverted"]) == 3
    assert repository.git("diff", good, "main", "--stat", at=repository.bare) == ""


async def test_the_last_change_of_a_path_is_found_behind_many_others(
    action: PullRequest, repository: Repository, context: Context
) -> None:
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    for number in range(60):
        (repository.work / "other.yaml").write_text(f"a: {number}\n")
        repository.git("commit", "-q", "-a", "-m", f"Number {number}")
    repository.git("push", "-q", "origin", "HEAD:main")
    params = asked(revert={"last_change_of": "limits.yaml"}, merge=True)
    result, _ = await done(action, params, context)
    assert result["reverted"] == [bad]
    # Once it is in, the last change is its own.
    assert (await action.perform(params, context))["reverted"] == [bad]
    assert repository.shown("main", "limits.yaml") == "requests: 100"


async def test_what_others_merged_meanwhile_is_kept(
    action: PullRequest, repository: Repository, context: Context, tmp_path: Path
) -> None:
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    # The hook is the other, who comes first, once.
    (repository.work / "other.yaml").write_text("a: 3\n")
    repository.git("commit", "-q", "-a", "-m", "Meanwhile")
    repository.git("push", "-q", "origin", "HEAD:waiting")
    there = tmp_path / "came"
    comes = "unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main refs/heads/waiting"
    other = f"[ -e {there} ] || {{ touch {there}; {comes}; }}"
    repository.hook("pre-receive", other)
    result, _ = await done(action, asked(revert={"commit": bad}, merge=True), context)
    assert there.exists()
    assert repository.shown("main", "other.yaml") == "a: 3"
    assert repository.shown("main", "limits.yaml") == "requests: 100"
    assert result["merged"]


async def test_a_conflict_is_refused_with_the_files_and_nothing_is_pushed(
    action: PullRequest, repository: Repository, context: Context
) -> None:
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    repository.commit("Lower it again", limits_yaml="requests: 0\n")
    before = repository.branches()
    with pytest.raises(ActionRefused, match=rf"{bad[:12]} cannot be .* conflicts in `limits.yaml`; nothing"):
        await action.perform(asked(revert={"commit": bad}), context)
    assert repository.branches() == before


@pytest.mark.parametrize(
    ("revert", "base", "says"),
    [
        ({"commit": "abcdef1234"}, None, "there is no commit `abcdef1234` on `main`"),
        ({"last_change_of": "none.yaml"}, None, "no commit of `main` has touched `none.yaml`"),
        ({"last_change_of": "--all"}, None, "no commit of `main` has touched `--all`"),
        ({"last_change_of": ":(glob)*.yaml"}, None, "no commit of `main` has touched"),
        ({"commit": "abcdef1234"}, "release", "the repository has no branch `release`"),
    ],
)
async def test_what_is_not_there_is_refused(
    action: PullRequest, context: Context, revert: dict[str, str], base: str | None, says: str
) -> None:
    params = asked(revert=revert, **({} if base is None else {"base": base}))
    Parameters(SPEC).check(params)
    with pytest.raises(ActionRefused, match=says.replace("(", r"\(").replace("*", r"\*")):
        await action.perform(params, context)


async def test_what_was_taken_back_by_somebody_else_is_told(
    action: PullRequest, repository: Repository, context: Context
) -> None:
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    repository.commit("By hand", limits_yaml="requests: 100\n")
    with pytest.raises(ActionRefused, match="nothing of it is left on `main`"):
        await action.perform(asked(revert={"commit": bad}), context)


@pytest.mark.parametrize(
    "revert",
    [{"commit": "HEAD"}, {"after": "--output=/tmp/x"}, {"request": "-d"}, {"last_change_of": "/etc"}],
)
def test_what_is_no_name_never_reaches_git(revert: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        Parameters(SPEC).check(asked(revert=revert))


async def test_the_repository_s_own_refusal_is_told_in_its_words(
    action: PullRequest, repository: Repository, context: Context
) -> None:
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    repository.hook("pre-receive", "echo only people may merge >&2; exit 1")
    with pytest.raises(ActionRefused, match=r"did not take `main`: .*only people may merge"):
        await action.perform(asked(revert={"commit": bad}, merge=True), context)


async def test_hooks_and_programs_of_the_copy_are_never_run(
    action: PullRequest,
    repository: Repository,
    context: Context,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither those that a repository, nor those that somebody's configuration brings."""
    ran = tmp_path / "ran"
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "pre-commit", "commit-msg", "pre-push"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (hooks / name).chmod(0o755)
    (tmp_path / ".gitconfig").write_text(
        f'[core]\n\thooksPath = {hooks}\n\tfsmonitor = touch {ran}\n[filter "x"]\n\tsmudge = touch {ran}\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"touch {ran}")
    (repository.work / ".gitattributes").write_text("* filter=x diff=x merge=x\n")
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    await done(action, asked(revert={"commit": bad}), context)
    assert not ran.exists()


async def test_a_program_is_no_way_to_a_repository(action: PullRequest, context: Context) -> None:
    with pytest.raises(ActionRefused, match="transport 'ext' not allowed"):
        await action.perform(asked("runs", revert={"commit": "abcdef1"}), context)


async def test_a_repository_that_cannot_be_reached(action: PullRequest, context: Context) -> None:
    with pytest.raises(Unreachable, match=r"`away`: `git ls-remote`: .*127\.0\.0\.1"):
        await action.perform(asked("away", revert={"commit": "abcdef1"}), context)
    with pytest.raises(ActionRefused, match=r"`gone`: `git ls-remote`: .*no such"):
        await action.perform(asked("gone", revert={"commit": "abcdef1"}), context)


@pytest.mark.parametrize("branch", ["main", "feature"])
async def test_a_branch_of_somebody_else_is_not_taken_for_ours(
    action: PullRequest, repository: Repository, context: Context, branch: str
) -> None:
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    repository.git("push", "-q", "origin", "HEAD:feature")
    before = repository.branches()
    params = asked(revert={"commit": bad}, branch=branch, merge=True)
    with pytest.raises(ActionRefused, match=f"`{branch}` is somebody else's"):
        await action.look(params, context)
    with pytest.raises(ActionRefused, match=f"`{branch}` is somebody else's"):
        await action.perform(params, context)
    assert repository.branches() == before


async def test_a_push_that_is_cancelled_is_unknown_and_found_by_the_next_attempt(
    action: PullRequest, repository: Repository, beats: Beats, context: Context, tmp_path: Path
) -> None:
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    began = tmp_path / "began"
    repository.hook("post-receive", f"touch {began}; exec sleep 60")
    params = asked(revert={"commit": bad})
    task = asyncio.create_task(action.perform(params, context))
    await asyncio.to_thread(until, began.exists, "the push to arrive")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [end.state for end in beats.ends] == ["unknown"]
    (repository.bare / "hooks" / "post-receive").unlink()
    standing = await action.look(params, context)
    assert standing.done
    assert standing.result["reverted"] == [bad]


async def test_a_repository_over_ssh(farm: Farm, repository: Repository, context: Context) -> None:
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    there = farm["web1"].home / "config.git"
    shutil.copytree(repository.bare, there)
    give(there, farm["web1"].user)
    place = {"kind": "git", "url": f"ssh://web1{there}"}
    action = PullRequest(Systems({"config": place}), ssh=farm.config_file)
    result, _ = await done(action, asked(revert={"commit": bad}, merge=True), context)
    assert (there / "refs" / "heads" / "main").read_text().strip() == result["commit"]


# --- forges -----------------------------------------------------------------------------------------------


async def test_github_is_asked_once_and_the_request_is_found_again(
    action: PullRequest, repository: Repository, site: Scripted, context: Context
) -> None:
    hub = site.reply = GitHubHere(repository)
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    params = asked("hub", revert={"commit": bad}, body="Orders fail.")
    result, back = await done(action, params, context)
    assert (result["number"], result["state"]) == (1, "open")
    assert result["url"] == "https://git.example.org/team/config/pull/1"
    (pull,) = hub.pulls
    assert pull["title"] == 'Revert "Lower the limit"'
    assert pull["body"] == f"Orders fail.\n\nReverts {bad}"
    # Another attempt, whose worker knows nothing of the first, makes no other.
    again = await action.perform(params, replace(context, key=KEY.replace("#7", "#9")))
    assert (again["number"], again["commit"]) == (1, result["commit"])
    undone = await taken_back(action, params, back, context)
    assert (undone["state"], pull["state"]) == ("closed", "closed")
    assert list(repository.branches()) == ["main"]


async def test_one_that_github_has_merged_is_taken_back_by_another_request(
    action: PullRequest, repository: Repository, site: Scripted, context: Context
) -> None:
    hub = site.reply = GitHubHere(repository)
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    params = asked("hub", revert={"commit": bad}, merge=True)
    result, back = await done(action, params, context)
    assert (result["state"], result["merged"]) == ("merged", True)
    assert repository.shown("main", "limits.yaml") == "requests: 100"
    await taken_back(action, params, back, context)
    assert [each["merged_at"] is not None for each in hub.pulls] == [True, True]
    assert repository.shown("main", "limits.yaml") == "requests: 1"


async def test_a_merge_that_is_refused_leaves_a_request_and_says_so(
    action: PullRequest, repository: Repository, site: Scripted, context: Context
) -> None:
    hub = site.reply = GitHubHere(repository, refuses=(405, "2 required reviews are missing"))
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    params = asked("hub", revert={"commit": bad}, merge=True)
    back = (await action.look(params, context)).back
    with pytest.raises(
        ActionRefused, match=r"2 required reviews are missing; the request is open, https"
    ) as told:
        await action.perform(params, context)
    assert [end.state for end in told.value.ends] == ["stopped"]
    await taken_back(action, params, back, context)
    assert hub.pulls[0]["state"] == "closed"


async def test_one_that_somebody_has_closed_is_not_opened_again(
    action: PullRequest, repository: Repository, site: Scripted, context: Context
) -> None:
    hub = site.reply = GitHubHere(repository)
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    params = asked("hub", revert={"commit": bad})
    await action.perform(params, context)
    hub.pulls[0]["state"] = "closed"
    with pytest.raises(ActionRefused, match="somebody has closed the request of"):
        await action.perform(params, context)


async def test_gitlab_opens_merges_and_is_taken_back(
    action: PullRequest, repository: Repository, site: Scripted, context: Context
) -> None:
    lab = site.reply = GitLabHere(repository)
    bad = repository.commit("Lower the limit", limits_yaml="requests: 1\n")
    params = asked("lab", revert={"commit": bad})
    result, back = await done(action, params, context)
    assert (result["number"], result["state"]) == (1, "open")
    await taken_back(action, params, back, context)
    assert lab.requests[0]["state"] == "closed"
    other = replace(context, key=KEY.replace("take_back", "again"))
    result, _ = await done(action, {**params, "merge": True}, other)
    assert result["merged"]
    assert repository.shown("main", "limits.yaml") == "requests: 100"


async def test_a_token_is_in_no_argument_and_in_no_message(
    action: PullRequest, repository: Repository, site: Scripted, context: Context
) -> None:
    hidden: list[str] = []
    context = replace(context, hide=hidden.extend)
    site.reply = lambda _: Response("go away", 403)
    place = {"kind": "git", "url": f"{site.url}/x.git", "user": "robot", "password": "s3cret-word"}
    with pytest.raises(ActionRefused, match="error: 403") as told:
        await PullRequest(Systems({"it": place})).perform(asked("it", revert={"commit": "abcdef1"}), context)
    assert site.got[0].headers["authorization"].startswith("Basic ")
    assert "s3cret-word" not in str(told.value)
    assert site.got[0].headers["authorization"].removeprefix("Basic ") in hidden


@pytest.mark.parametrize(
    ("key", "branch"),
    [
        ("run/x/../../y@1.0/a[1]#3", "stanch/x-y-a-1-"),
        ("run/x/~^:?*@{@1.0/step#3", "stanch/x-step-"),
    ],
)
def test_a_branch_s_name_is_one_whatever_the_run_is_called(key: str, branch: str) -> None:
    assert branch_of(key).startswith(branch)
    Parameters(SPEC).check(asked(revert={"request": branch_of(key)}))
