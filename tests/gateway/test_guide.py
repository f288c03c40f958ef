"""The guide names what there is: every address, every metric, no others."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families
from starlette.routing import Route
from temporalio.client import Client

from stanch.config import Config
from stanch.gateway.app import create_app
from stanch.gateway.metrics import Metrics
from stanch.library import Library
from tests.project.checkout import ROOT

PAGE = (ROOT / "docs" / "gateway.md").read_text()


def test_every_address_is_in_the_guide_and_nothing_else(
    config: Config, client: Client, library: Library
) -> None:
    async def connected() -> Client:
        return client

    app = create_app(config, connected, library)
    served = {
        f"{method} {route.path.replace(':path', '')}"
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert served == set(re.findall(r"^\| `((?:GET|POST) \S+)` \|", PAGE, re.MULTILINE))


def test_every_metric_is_in_the_guide_and_nothing_else() -> None:
    families = text_string_to_metric_families(Metrics().exposition().decode())
    served = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert served == set(re.findall(r"^\| `(stanch_gateway_\w+)` \|", PAGE, re.MULTILINE))
