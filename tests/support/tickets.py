"""Trackers that remember: what Jira Cloud and GitHub answer, as far as tickets need it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.activities.served import Got


@dataclass
class JiraHere:
    issues: list[dict[str, Any]] = field(default_factory=list)
    lost: int = 0
    """So many answers to what makes something are lost: it is made, and the caller hears 504."""

    def __call__(self, got: Got) -> Response:
        path = got.path.removeprefix("/rest/api/3/").split("/")
        body = json.loads(got.body) if got.body else {}
        match got.method, path:
            case "POST", ["search", "jql"]:
                label = re.search(r'labels = "([^"]+)"', body["jql"])
                found = [each for each in self.issues if label and label[1] in each["fields"]["labels"]]
                return JSONResponse({"issues": found})
            case "POST", ["issue"]:
                key = f"OPS-{len(self.issues) + 1}"
                fields = {**body["fields"], "status": {"name": "To Do"}}
                self.issues.append({"key": key, "id": "10001", "fields": fields, "comments": []})
                return self._made({"key": key, "id": "10001"})
            case "GET", ["issue", key]:
                return JSONResponse(self._of(key))
            case "GET", ["issue", key, "comment"]:
                return JSONResponse({"comments": self._of(key)["comments"]})
            case "POST", ["issue", key, "comment"]:
                self._of(key)["comments"].append(body)
                return self._made(body)
            case "GET", ["issue", _, "transitions"]:
                ways = [{"id": "31", "to": {"name": "Done"}}, {"id": "21", "to": {"name": "In Progress"}}]
                return JSONResponse({"transitions": ways})
            case "POST", ["issue", key, "transitions"]:
                name = {"31": "Done", "21": "In Progress"}[body["transition"]["id"]]
                self._of(key)["fields"]["status"] = {"name": name}
                return Response(status_code=204)
        return JSONResponse({"errorMessages": ["no such thing"]}, 404)

    def _of(self, key: str) -> dict[str, Any]:
        return next(each for each in self.issues if each["key"] == key)

    def _made(self, answer: Any) -> Response:
        self.lost -= 1
        return Response(status_code=504) if self.lost >= 0 else JSONResponse(answer, 201)


@dataclass
class IssuesHere:
    issues: list[dict[str, Any]] = field(default_factory=list)
    lost: int = 0

    def __call__(self, got: Got) -> Response:
        path = got.path.removeprefix("/repos/team/ops/issues").strip("/").split("/")
        body = json.loads(got.body) if got.body else {}
        match got.method, path:
            case "GET", [""]:
                return JSONResponse(list(reversed(self.issues)))
            case "POST", [""]:
                number = len(self.issues) + 1
                url = f"https://git.example.org/team/ops/issues/{number}"
                self.issues.append(
                    {**body, "number": number, "html_url": url, "state": "open", "comments": []}
                )
                return self._made(self.issues[-1])
            case "GET", [number]:
                return JSONResponse(self.issues[int(number) - 1])
            case "PATCH", [number]:
                self.issues[int(number) - 1].update(body)
                return JSONResponse(self.issues[int(number) - 1])
            case "GET", [number, "comments"]:
                return JSONResponse(self.issues[int(number) - 1]["comments"])
            case "POST", [number, "comments"]:
                self.issues[int(number) - 1]["comments"].append(body)
                return self._made(body)
        return JSONResponse({"message": "Not Found"}, 404)

    def _made(self, answer: Any) -> Response:
        self.lost -= 1
        return Response(status_code=504) if self.lost >= 0 else JSONResponse(answer, 201)
