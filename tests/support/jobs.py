"""Systems that run jobs and remember: what GitHub, GitLab and Rundeck answer, as far as pipelines need it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.activities.served import Got

END = {"github": "success", "gitlab": "success", "rundeck": "succeeded"}
CANCELLED = {"github": "cancelled", "gitlab": "canceled", "rundeck": "aborted"}


@dataclass
class JobsHere:
    """`ends`: the word that a run ends with; empty, and it goes on until it is cancelled."""

    kind: str
    ends: str = ""
    runs: list[dict[str, Any]] = field(default_factory=list)
    lost: int = 0
    """So many answers to a start are lost: it is started, and the caller hears 504."""
    tells: bool = True
    """GitHub: it answers with the run."""
    knows_word: bool = True
    """GitHub: it takes `return_run_details`."""
    looks: int = 2
    """A run ends when it was asked for so many times."""
    cancels: bool = True

    def __post_init__(self) -> None:
        self.ends = self.ends or END[self.kind]

    def __call__(self, got: Got) -> Response:
        body = json.loads(got.body) if got.body else {}
        path = got.path.strip("/").split("/")
        return getattr(self, f"_{self.kind}")(got.method, path, body)  # type: ignore[no-any-return]

    def _github(self, method: str, path: list[str], body: Any) -> Response:
        match method, path[3:]:
            case "GET", []:
                return JSONResponse({"default_branch": "trunk"})
            case "POST", ["actions", "workflows", _, "dispatches"]:
                if "return_run_details" in body and not self.knows_word:
                    said = "`return_run_details` is not a permitted key"
                    return JSONResponse({"message": said}, 422)
                run = self._started(body["ref"], body["inputs"])
                made = {"workflow_run_id": run["id"], "html_url": f"https://hub/{run['id']}"}
                told = self.tells and self.knows_word
                return self._made(JSONResponse(made) if told else Response(status_code=204))
            case "GET", ["actions", "workflows", _, "runs"]:
                return JSONResponse({"workflow_runs": [self._run(each) for each in reversed(self.runs)]})
            case "GET", ["actions", "runs", number]:
                return JSONResponse(self._run(self._looked_at(number)))
            case "POST", ["actions", "runs", number, "cancel"]:
                return self._cancelled(number, JSONResponse({}, 202))
        return JSONResponse({"message": "Not Found"}, 404)

    def _run(self, run: dict[str, Any]) -> Any:
        over = run["end"] != ""
        return {
            "id": run["id"],
            "html_url": f"https://hub/{run['id']}",
            "display_title": f"Deploy {run['inputs'].get('stanch', '')}",
            "status": "completed" if over else "in_progress",
            "conclusion": run["end"] if over else None,
        }

    def _gitlab(self, method: str, path: list[str], body: Any) -> Response:
        match method, path[path.index("projects") + 3 :]:
            case "GET", []:
                return JSONResponse({"default_branch": "trunk"})
            case "POST", ["pipeline"]:
                inputs = {each["key"]: each["value"] for each in body["variables"]}
                return self._made(JSONResponse(self._pipeline(self._started(body["ref"], inputs)), 201))
            case "GET", ["pipelines"]:
                return JSONResponse([self._pipeline(each) for each in reversed(self.runs)])
            case "GET", ["pipelines", number]:
                return JSONResponse(self._pipeline(self._looked_at(number)))
            case "GET", ["pipelines", number, "variables"]:
                held = self._of(number)["inputs"].items()
                return JSONResponse([{"key": name, "value": value} for name, value in held])
            case "POST", ["pipelines", number, "cancel"]:
                return self._cancelled(number, JSONResponse({}))
        return JSONResponse({"message": "404 Not Found"}, 404)

    def _pipeline(self, run: dict[str, Any]) -> Any:
        return {"id": run["id"], "web_url": f"https://lab/{run['id']}", "status": run["end"] or "running"}

    def _rundeck(self, method: str, path: list[str], body: Any) -> Response:
        match method, path[2:]:
            case "POST", ["job", _, "run"]:
                return self._made(JSONResponse(self._execution(self._started("", body["options"]))))
            case "GET", ["job", _, "executions"]:
                return JSONResponse(
                    {"paging": {}, "executions": [self._execution(each) for each in self.runs]}
                )
            case "GET", ["execution", number]:
                return JSONResponse(self._execution(self._looked_at(number)))
            case "POST", ["execution", number, "abort"]:
                status = "pending" if self.cancels else "failed"
                return self._cancelled(number, JSONResponse({"abort": {"status": status, "reason": "no"}}))
        return JSONResponse({"error": True, "message": "no such thing"}, 404)

    def _execution(self, run: dict[str, Any]) -> Any:
        return {
            "id": run["id"],
            "permalink": f"https://deck/{run['id']}",
            "status": run["end"] or "running",
            "job": {"options": run["inputs"]},
        }

    def _started(self, ref: str, inputs: dict[str, str]) -> dict[str, Any]:
        self.runs.append({"id": 17 + len(self.runs), "ref": ref, "inputs": inputs, "end": "", "looks": 0})
        return self.runs[-1]

    def _of(self, number: str) -> dict[str, Any]:
        return next(each for each in self.runs if str(each["id"]) == number)

    def _looked_at(self, number: str) -> dict[str, Any]:
        run = self._of(number)
        run["looks"] += 1
        if not run["end"] and run["looks"] >= self.looks:
            run["end"] = self.ends
        return run

    def _cancelled(self, number: str, answer: Response) -> Response:
        if self.cancels:
            self._of(number)["end"] = CANCELLED[self.kind]
        return answer

    def _made(self, answer: Response) -> Response:
        self.lost -= 1
        return Response(status_code=504) if self.lost >= 0 else answer
