"""The webhook of Alertmanager, read: captured deliveries, their odd relatives, and anything at all."""

from __future__ import annotations

import dataclasses
import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.gateway.alerts import SOURCES
from stanch.gateway.alerts.alert import Alert, MalformedDelivery
from stanch.gateway.alerts.alertmanager import label_fingerprint, parse
from stanch.gateway.alerts.document import DEPTH, LONGEST_TEXT, read
from stanch.language.plan import Json
from stanch.language.scope import ALERT
from stanch.schemas import load_schema
from tests.gateway.delivering import CAPTURED, FIRING, STARTED, alert, delivery


def only(**changes: Json) -> Alert:
    (found,) = parse(delivery(alert("359a3f2297654dd9", **changes)))
    return found


def test_a_captured_firing_delivery_is_read_whole() -> None:
    (found,) = parse((CAPTURED / "captured_am-0.25.0_firing.body.json").read_bytes())
    assert found == Alert(
        source="alertmanager",
        status="firing",
        fingerprint="359a3f2297654dd9",
        labels={
            "alertname": "CheckoutErrors",
            "env": "prod",
            "instance": "127.0.0.1:18080",
            "job": "app",
            "service": "checkout",
            "severity": "critical",
        },
        annotations={
            "runbook_url": "https://runbooks.example.com/checkout",
            "summary": "errors 42 on checkout",
        },
        started=STARTED,
        ended=0.0,
        url="http://vm:19090/graph?g0.expr=checkout_errors+%3E+10&g0.tab=1",
    )


def test_a_captured_resolved_delivery_has_the_same_episode_and_an_end() -> None:
    (fired,) = parse((CAPTURED / "captured_am-0.25.0_firing.body.json").read_bytes())
    (found,) = parse((CAPTURED / "captured_am-0.25.0_resolved.body.json").read_bytes())
    assert found == dataclasses.replace(fired, status="resolved", ended=STARTED + 2)


def test_a_missing_fingerprint_becomes_the_one_that_alertmanager_would_have_given() -> None:
    captured = FIRING["alerts"][0]
    assert label_fingerprint(captured["labels"]) == captured["fingerprint"]
    assert only(fingerprint=None).fingerprint == captured["fingerprint"]
    assert only(fingerprint="").fingerprint == captured["fingerprint"]


@pytest.mark.parametrize("given", ["a/b", "../x", "a" * 65, "ä", "a\nb", " "])
def test_a_fingerprint_that_is_no_plain_word_is_replaced_by_a_stable_one(given: str) -> None:
    found = only(fingerprint=given).fingerprint
    assert len(found) == 16
    assert found.isalnum()
    assert only(fingerprint=given).fingerprint == found
    assert only(fingerprint=given + "x").fingerprint != found


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://prometheus.example/graph", "https://prometheus.example/graph"),
        ("/graph?g0.expr=up", "http://vm:19093"),
        ("javascript:alert(1)", "http://vm:19093"),
        ("http://[", "http://vm:19093"),
        ("", "http://vm:19093"),
        (None, "http://vm:19093"),
    ],
)
def test_a_link_that_leads_nowhere_gives_way_to_alertmanager_itself(given: Json, url: str) -> None:
    assert only(generatorURL=given).url == url


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("2026-11-23T04:38:30.632Z", STARTED),
        ("2026-11-23T04:38:30.632123456Z", 1795408710.632123),
        ("2026-11-23T06:38:30.632+02:00", STARTED),
        ("0001-01-01T00:00:00Z", 0.0),
        ("0001-01-01T00:00:00+14:00", 0.0),
        ("9999-12-30T23:59:59Z", 253402214399.0),
    ],
)
def test_a_moment_is_read_in_any_zone_and_the_year_one_means_never(given: str, seconds: float) -> None:
    assert only(startsAt=given).started == seconds


@pytest.mark.parametrize(
    "given",
    ["yesterday", "2026-11-23", "2026-02-30T00:00:00Z", "2026-W48-1", "9999-12-31T23:59:59-12:00", 0, {}],
)
def test_what_is_no_moment_is_refused_with_its_place(given: Json) -> None:
    with pytest.raises(MalformedDelivery, match=r"^alerts\[0\]\.startsAt: expected "):
        only(startsAt=given)


def test_what_is_not_known_is_not_looked_at() -> None:
    body = json.loads(delivery(alert("a", orgId=1, values={"A": 2}, imageURL=None)))
    for key in ("version", "groupKey", "groupLabels", "commonLabels", "externalURL", "receiver"):
        del body[key]
    body["alerts"][0]["annotations"] = None
    (found,) = parse(json.dumps(body | {"title": ["[FIRING:1]"], "truncatedAlerts": "many"}).encode())
    assert (found.fingerprint, found.annotations) == ("a", {})


def test_a_delivery_without_alerts_is_one() -> None:
    assert parse(delivery()) == ()


def test_text_that_is_not_unicode_is_refused_with_its_place() -> None:
    with pytest.raises(MalformedDelivery, match=r'^alerts\[0\]\.labels\["a b"\]: expected Unicode text'):
        only(labels={"a b": "\ud800"})
    with pytest.raises(MalformedDelivery, match=r'^alerts\[0\]\.labels\["\\udc00"\]: expected Unicode text'):
        only(labels={"\udc00": "x"})


@pytest.mark.parametrize("depth", [DEPTH, DEPTH + 1])
def test_nesting_is_bounded_and_brackets_in_strings_do_not_count(depth: int) -> None:
    text = "[" * depth + json.dumps('[[["' + "[{" * 100 + '\\"') + "]" * depth
    if depth > DEPTH:
        with pytest.raises(MalformedDelivery, match=f"^line 1, column {DEPTH + 1}: nested deeper"):
            read(text.encode())
    else:
        read(text.encode())


@pytest.mark.parametrize(
    "body",
    [b'"' + b'\\"' * 500_000, b'"' * 500_001, b"[]" * 500_000, b"9" * 1_000_000, b'{"a":1e999,"b":NaN}'],
    ids=["escapes", "quotes", "lists", "digits", "no numbers"],
)
@pytest.mark.timeout(10)
def test_a_body_made_to_be_slow_is_refused_soon(body: bytes) -> None:
    with pytest.raises(MalformedDelivery):
        parse(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
MEMBERS = ("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint")


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    check(body)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(MEMBERS), JSON | st.sampled_from(["firing", "resolved", "2026-01-01T00:00:00Z"])
        )
    ),
    st.sampled_from(["alerts", "externalURL", "status"]),
    JSON,
)
def test_a_delivery_with_anything_in_any_place_is_read_or_refused(
    changes: list[tuple[str, Json]], top: str, value: Json
) -> None:
    made = alert(
        "359a3f2297654dd9", **{key: held for key, held in changes if key not in ("labels", "annotations")}
    )
    made |= {key: held for key, held in changes if key in ("labels", "annotations")}
    body = json.loads(delivery()) | {"alerts": [made]}
    check(json.dumps(body).encode())
    check(json.dumps(body | {top: value}).encode())


def check(body: bytes) -> None:
    """Read it: what comes out fits the published schema, and what does not come out was refused."""
    for parser in SOURCES.values():
        try:
            alerts = parser(body)
        except MalformedDelivery:
            continue
        for found in alerts:
            SCHEMA.validate(found.data())


def test_expressions_know_exactly_what_the_schema_describes() -> None:
    described = load_schema("alert.v1.json")
    assert set(described["properties"]) == set(described["required"]) == set(ALERT)


SCHEMA = jsonschema.Draft202012Validator(load_schema("alert.v1.json"))


def test_a_nul_in_a_label_does_not_make_it_another_label() -> None:
    """An expression would read `HighErrorRate`. A refusal would cost the other alerts of the delivery."""
    found = only(labels={"alertname": "HighErrorRate\0x"})
    assert found.labels["alertname"] == "HighErrorRate\ufffdx"


@pytest.mark.parametrize(
    "url", ["http://a.example.org/\n\n# Approved", "https://a.example.org/ b", "http://a/\x1b[8m"]
)
def test_a_link_that_is_more_than_an_address_is_left_out(url: str) -> None:
    body = json.loads(delivery(alert("a", generatorURL=url)))
    (found,) = parse(json.dumps({**body, "externalURL": url}).encode())
    assert found.url == ""


def test_a_text_of_a_megabyte_is_cut_before_anything_takes_it_apart() -> None:
    found = only(annotations={"hosts": "," * 1_000_000})
    assert found.annotations["hosts"] == "," * (LONGEST_TEXT - 1) + "…"
