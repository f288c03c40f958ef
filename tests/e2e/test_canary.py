"""No secret is kept or shown anywhere: runs use a secret of every kind, and the world shows it to them again.

Steps print it, get it back from servers in many spellings, and fail with it. Afterwards all that was kept
and all that was said is searched for it: Temporal's database, the logs, the evidence, every answer of the
HTTP API and of the command line. A value that is no secret takes the same ways and is found.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import yaml
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from stanch.gateway.openapi import OPERATIONS
from stanch.language.plan import Json
from tests.activities.served import Got, Scripted, free_port, scripted
from tests.cli.processes import stanch
from tests.e2e.stage import Stage, start_stage
from tests.support.kubernetes import start_cluster
from tests.support.until import until
from tests.support.vault import start_vault

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]

MARK = "CaNaRyBiRd"
"""Letters stay as they are in every spelling but base64 and the like, so it finds each part that is left."""
CONTROL = "SpArRoWhAwK"


def odd(mark: str) -> str:
    return f"{mark}1/w+=é'\"$&%7E<x>\\{mark}2 {mark}3-{mark}4"


SECRETS = {
    "env": odd(MARK),
    "file": f"-----BEGIN {MARK}-----\n" + "".join(f"{MARK}{line}abcdefghij\n" for line in range(4)),
    "vault": f"{MARK}5abcdefgh",
    "kubernetes": f'{{"{MARK}6": "{MARK}7"}}',
}
STEPS = """
  - id: echoed_{kind}
    http:
      method: POST
      url: "{site}/echo"
      query: {{q: {secret}, n: "${{{{ inputs.note }}}}"}}
      json: {{a: [{secret}, "${{{{ inputs.note }}}}"]}}
    effect: read
    keep:
      all.json: result
      body.txt: result.body
  - id: listed_{kind}
    http: {{method: POST, url: "{site}/page", form: {{q: {secret}, n: "${{{{ inputs.note }}}}"}}}}
    effect: read
    on_failure: continue
  - id: printed_{kind}
    ssh: {{hosts: [web1], env: {{T: {secret}, N: "${{{{ inputs.note }}}}"}}}}
    script: |
      for said in "$T" "$N"; do printf %s "$said"; printf %s "$said" | base64 -w0; done
      printf %s "$T$N" >&2
    effect: read
    keep:
      stdout.txt: result.stdout
  - id: local_{kind}
    command:
      run: [sh, -c, 'cat >&2; echo "$N" >&2; exit 3']
      stdin: {secret}
      env: {{N: "${{{{ inputs.note }}}}"}}
    effect: read
    on_failure: continue
  - id: refused_{kind}
    http:
      url: "{site}/refused"
      query: {{q: {secret}, n: "${{{{ inputs.note }}}}"}}
      auth: {{username: ic, password: {secret}}}
    on_failure: continue
  - id: asked_{kind}
    logs: {{server: logs-{kind}, query: '{{job="x"}}'}}
    on_failure: continue
"""
CHANGE = """
      - id: change_{kind}
        ssh:
          hosts: [web1]
          run: [sh, -c, 'cat; echo "no $1" >&2; exit 4', sh, "${{{{ inputs.note }}}}"]
          stdin: {secret}
        effect: change
        idempotent: true
        irreversible: nothing is changed
        on_failure: {on_failure}
"""
HEAD: Json = {
    "runbook": "canary",
    "title": "Use a secret in every way",
    "kind": "recovery",
    "owner": "payments-sre",
    "reviewed": "2026-11-20",
    "symptoms": "Somebody wonders where secrets go.",
    "impact": "Nobody sees anything of it.",
    "inputs": {"note": {"type": "string", "description": "What is no secret, and goes the same ways."}},
}


def spellings(mark: str) -> dict[str, bytes]:
    """How something that has `mark` in it may be written."""
    found = {
        "as it is": mark.encode(),
        "hex": mark.encode().hex().encode(),
        "UTF-16": mark.encode("utf-16-le"),
    }
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + mark.encode())
        first, behind = -(-before * 8 // 6), (before + len(mark)) * 8 // 6
        found[f"base64, {before}"] = coded[first:behind]
    return found


def found(mark: str, data: bytes) -> dict[str, bytes]:
    """The spellings in which `data` has the mark, each with what stands around it."""
    places = {name: data.find(written) for name, written in spellings(mark).items()}
    return {name: data[max(0, at - 150) : at + 150] for name, at in places.items() if at >= 0}


@dataclass(slots=True)
class Ground:
    """A stage on which secrets are used, and all that it has said to anybody."""

    stage: Stage
    site: Scripted
    references: dict[str, str]
    run: str = ""
    said: list[str] = field(default_factory=list)

    def told(self, *words: str) -> None:
        config = str(self.stage.worker.config)
        done = stanch(*words, cwd=self.stage.folder, STANCH_CONFIG=config, STANCH_USER="alice")
        assert done.returncode <= 1, done.stderr  # the answer may be no
        self.said += [done.stdout, done.stderr]

    def answers(self) -> str:
        """Of every GET of the gateway."""
        paths = {path for method, path in OPERATIONS if method == "GET"}
        paths |= {"/runs/{run}", "/metrics", "/healthz", "/readyz", "/api/v1/openapi.json"}
        said = []
        for path in sorted(paths):
            asked = path.replace("{run}", self.run).replace("{incident}", self.run)
            answer = httpx.get(f"{self.stage.worker.url}{asked}", timeout=30)
            said.append(f"{answer.status_code} {dict(answer.headers)} {answer.text}")
        return "\n".join(said)

    def kept(self) -> dict[str, bytes]:
        """What to search, by name."""
        folder = self.stage.folder
        files = {
            "database": sorted(folder.glob("temporal.db*")),
            "logs": sorted(folder.glob("*.log")),
            "evidence": sorted(path for path in (folder / "evidence").rglob("*") if path.is_file()),
        }
        found = {name: b"\n".join(path.read_bytes() for path in paths) for name, paths in files.items()}
        return {**found, "api": self.answers().encode(), "command line": "\n".join(self.said).encode()}


def answered(got: Got) -> Response:
    """As servers do that say in their answer, or their refusal, what they were asked."""
    told = f"{got.body.decode()} {got.path}?{got.query} {got.headers}"
    values = [value for text in httpx.QueryParams(got.query).values() for value in (text,)]
    coded = [base64.b64encode(value.encode()).decode() for value in values]
    match got.path:
        case "/echo":
            return JSONResponse({told: values, "again": json.dumps(values), "coded": coded})
        case "/page":
            return HTMLResponse(html.escape(told), 500)
        case "/refused":
            return PlainTextResponse(f"{values} {told}", 403)
    return JSONResponse({"message": f"no {got.headers.get('authorization')} {CONTROL}"}, 401)


def written(references: Mapping[str, str], site: str) -> str:
    """A runbook that uses every secret in every way, and ends in a change that fails and is asked about."""
    reads = changes = ""
    for kind, reference in references.items():
        secret = f"{{secret: {json.dumps(reference)}}}"
        reads += STEPS.format(site=site, kind=kind, secret=secret)
        last = kind == list(references)[-1]
        changes += CHANGE.format(kind=kind, secret=secret, on_failure="ask" if last else "continue")
    block = "  - id: all\n    title: Change something\n    approval: incident_commander\n    steps:"
    return f"{yaml.safe_dump(HEAD, sort_keys=False)}steps:{reads}{block}{changes}"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder, apart = tmp_path_factory.mktemp("canary"), tmp_path_factory.mktemp("sources")
    with ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("CANARY_OF_TEST", SECRETS["env"])
        (apart / "key").write_text(SECRETS["file"])
        site = stack.enter_context(scripted())
        site.reply = answered
        vault = stack.enter_context(start_vault(apart / "vault"))
        vault.put("canary", key=SECRETS["vault"])
        vault.policy("canary", "secret/data/canary")
        cluster = stack.enter_context(start_cluster())
        pager = f"json://user:{MARK}8@127.0.0.1:{free_port()}/{MARK}9"
        held = {"key": SECRETS["kubernetes"], "pager": pager}
        data = {name: base64.b64encode(value.encode()).decode() for name, value in held.items()}
        cluster.add("v1", "Secret", "canary", data=data)
        references = {
            "env": "env/CANARY_OF_TEST",
            "file": f"file/{apart / 'key'}",
            "vault": "vault/secret/canary#key",
            "kubernetes": "kubernetes/shop/canary#key",
        }
        runbooks = folder / "runbooks"
        runbooks.mkdir()
        (runbooks / "canary.yaml").write_text(written(references, site.url))
        logs = {
            kind: {"kind": "loki", "url": site.url, "token": {"secret": r}} for kind, r in references.items()
        }
        systems: dict[str, Any] = {
            "vault": vault.app_role("canary", "canary"),
            "kubernetes": {"kind": "kubernetes", "url": cluster.url, "token": f"{MARK}-of-the-account"},
            **{f"logs-{kind}": settings for kind, settings in logs.items()},
        }
        stage = stack.enter_context(
            start_stage(
                folder,
                runbooks=[str(runbooks)],
                systems=systems,
                pagers={"incident_commander": [{"secret": "kubernetes/shop/canary#pager"}]},
            )
        )
        ground = Ground(stage, site, references)
        use(ground)
        yield ground


def use(ground: Ground) -> None:
    """One run, up to the last change, which fails and is left."""
    stage = ground.stage
    ground.told("plan", "canary", "--format", "markdown")
    ground.run = stage.begin("canary", note=odd(CONTROL))
    stage.asked(ground.run)
    ground.told("show", ground.run)
    ground.said.append(json.dumps(stage.answer(ground.run, "approve")))
    until(lambda: stage.asked(ground.run)["kind"] != "approval", "the change to have failed")
    ground.said.append(ground.answers())
    ground.told("show", ground.run)
    ground.told("abort", ground.run, "--reason", "it was only to be seen")
    stage.ended(ground.run)
    ground.told("show", ground.run, "--json")
    ground.told("watch", ground.run)
    ground.told("runs")
    until(lambda: "did not take the page" in stage.worker.log.read_text(), "the page to have failed")


def test_no_secret_is_found_in_anything_that_was_kept_or_said(ground: Ground) -> None:
    assert {name: leak for name, data in ground.kept().items() if (leak := found(MARK, data))} == {}


def test_the_same_search_finds_what_is_no_secret(ground: Ground) -> None:
    kept = ground.kept()
    for name, data in kept.items():
        assert "as it is" in found(CONTROL, data), f"nothing went into {name}, or it was not searched"
    for name in ("database", "evidence", "api"):
        assert any(spelling.startswith("base64") for spelling in found(CONTROL, kept[name])), name


@pytest.mark.parametrize("kind", SECRETS)
def test_each_secret_was_used_in_every_way_and_taken_out(ground: Ground, kind: str) -> None:
    used = [json.loads(got.body)["a"][0] for got in ground.site.got if got.path == "/echo"]
    assert SECRETS[kind].removesuffix("\n") in used
    assert ground.references[kind].encode() in ground.kept()["database"], "the reference is what is kept"
    steps = {step["path"]: step for step in ground.stage.view(ground.run)["steps"]}
    own = {name.partition("_")[0]: step for name, step in steps.items() if name.endswith(f"_{kind}")}
    phases = {name: step["phase"] for name, step in own.items()}
    assert phases.pop("change") in ("failed", "aborted")
    failed = dict.fromkeys(("listed", "local", "refused", "asked"), "failed")
    assert phases == {"echoed": "succeeded", "printed": "succeeded", **failed}
    assert all("[secret]" in own[name]["note"] for name in ("listed", "local", "refused")), own
