"""A real bare repository for tests, and a forge in front of it that speaks what GitHub and GitLab speak."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from starlette.responses import JSONResponse, Response

from tests.activities.served import Got

_ENV = {
    **{name: os.environ[name] for name in ("PATH",) if name in os.environ},
    **{
        f"GIT_{who}_{name}": value
        for who in ("AUTHOR", "COMMITTER")
        for name, value in (("NAME", "Somebody"), ("EMAIL", "somebody@example.org"))
    },
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


@dataclass(frozen=True, slots=True)
class Repository:
    """`bare`, and a copy in which people work."""

    bare: Path
    work: Path

    def git(self, *words: str, at: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words],
            check=False,
            cwd=at or self.work,
            env=_ENV,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, subject: str, **files: str) -> str:
        """Files by name with `_` for `.`; the commit, which is pushed."""
        for name, text in files.items():
            (self.work / name.replace("_", ".")).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject)
        self.git("push", "-q", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def branches(self) -> dict[str, str]:
        listed = self.git(
            "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads", at=self.bare
        )
        return dict(line.split(" ") for line in listed.splitlines())

    def shown(self, branch: str, file: str) -> str:
        return self.git("show", f"{branch}:{file}", at=self.bare)

    def hook(self, name: str, script: str) -> None:
        file = self.bare / "hooks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)


def make_repository(folder: Path) -> Repository:
    """With one branch, `main`, and one commit in it."""
    made = Repository(folder / "config.git", folder / "work")
    folder.mkdir(parents=True, exist_ok=True)
    made.git("init", "-q", "--bare", "-b", "main", str(made.bare), at=folder)
    made.git("clone", "-q", str(made.bare), str(made.work), at=folder)
    made.git("checkout", "-q", "-b", "main")
    made.commit("Begin", limits_yaml="requests: 100\n", other_yaml="a: 1\n")
    return made


@dataclass
class GitHubHere:
    """What `api.github.com` answers for the repository `team/config`."""

    repository: Repository
    pulls: list[dict[str, Any]] = field(default_factory=list)
    refuses: tuple[int, str] | None = None
    """What a merge is answered with, a status and a message."""

    def __call__(self, got: Got) -> Response:
        assert got.headers["authorization"] == "Bearer forge-token"
        assert got.path.startswith("/repos/team/config")
        path = unquote(got.path).removeprefix("/repos/team/config")
        body = json.loads(got.body) if got.body else {}
        match got.method, path.strip("/").split("/"):
            case "GET", [""]:
                return JSONResponse({"clone_url": self.repository.bare.as_uri(), "default_branch": "main"})
            case "GET", ["pulls"]:
                head = parse_qs(got.query)["head"][0].removeprefix("team:")
                return JSONResponse([each for each in self.pulls if each["head"]["ref"] == head])
            case "POST", ["pulls"]:
                return self._open(body)
            case "GET", ["pulls", number]:
                return JSONResponse(self.pulls[int(number) - 1])
            case "PATCH", ["pulls", number]:
                self.pulls[int(number) - 1]["state"] = body["state"]
                return JSONResponse(self.pulls[int(number) - 1])
            case "PUT", ["pulls", number, "merge"]:
                return self._merge(self.pulls[int(number) - 1], body)
        return JSONResponse({"message": "Not Found"}, 404)

    def _open(self, body: dict[str, Any]) -> Response:
        if body["head"] not in self.repository.branches():
            return JSONResponse({"message": "Validation Failed", "errors": [{"field": "head"}]}, 422)
        number = len(self.pulls) + 1
        made = {
            "number": number,
            "html_url": f"https://git.example.org/team/config/pull/{number}",
            "state": "open",
            "title": body["title"],
            "body": body["body"],
            "merged_at": None,
            "merge_commit_sha": None,
            "mergeable": True,
            "head": {"ref": body["head"]},
            "base": {"ref": body["base"]},
        }
        self.pulls.append(made)
        return JSONResponse(made, 201)

    def _merge(self, pull: dict[str, Any], body: dict[str, Any]) -> Response:
        if self.refuses is not None:
            status, message = self.refuses
            return JSONResponse({"message": message}, status)
        branch, repository = pull["head"]["ref"], self.repository
        assert body["sha"] == repository.branches()[branch]
        repository.git("fetch", "-q", "origin")
        repository.git("checkout", "-q", "-B", "main", "origin/main")
        repository.git("merge", "-q", "--no-ff", "-m", f"Merge #{pull['number']}", f"origin/{branch}")
        repository.git("push", "-q", "origin", "HEAD:main")
        commit = repository.git("rev-parse", "HEAD")
        pull.update(state="closed", merged_at="2026-11-20T10:00:00Z", merge_commit_sha=commit)
        return JSONResponse({"sha": commit, "merged": True})


@dataclass
class GitLabHere:
    """What a GitLab answers for the project `team/config`."""

    repository: Repository
    requests: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, got: Got) -> Response:
        path = got.path.removeprefix("/api/v4/projects/team/config").removeprefix(
            "/api/v4/projects/team%2Fconfig"
        )
        body = json.loads(got.body) if got.body else {}
        match got.method, path.strip("/").split("/"):
            case "GET", [""]:
                return JSONResponse({"http_url_to_repo": self.repository.bare.as_uri()})
            case "GET", ["merge_requests"]:
                branch = parse_qs(got.query)["source_branch"][0]
                return JSONResponse([each for each in self.requests if each["source_branch"] == branch])
            case "POST", ["merge_requests"]:
                number = len(self.requests) + 1
                url = f"https://git.example.org/team/config/-/merge_requests/{number}"
                made = {**body, "iid": number, "web_url": url, "state": "opened", "merge_commit_sha": None}
                self.requests.append(
                    {**made, "detailed_merge_status": "mergeable", "squash_commit_sha": None}
                )
                return JSONResponse(self.requests[-1], 201)
            case "GET", ["merge_requests", number]:
                return JSONResponse(self.requests[int(number) - 1])
            case "PUT", ["merge_requests", number]:
                assert body == {"state_event": "close"}
                self.requests[int(number) - 1]["state"] = "closed"
                return JSONResponse(self.requests[int(number) - 1])
            case "PUT", ["merge_requests", number, "merge"]:
                one = self.requests[int(number) - 1]
                self.repository.git(
                    "push", "-q", str(self.repository.bare), f"{body['sha']}:main", at=self.repository.bare
                )
                one.update(state="merged", sha=body["sha"])
                return JSONResponse(one)
        return JSONResponse({"message": "404 Not found"}, 404)
