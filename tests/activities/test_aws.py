"""The action `aws` against moto's server, and against servers that answer as AWS does on a bad day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.responses import Response

from activities.action import Context
from activities.attempt.parameters import Parameters
from activities.aws import Aws
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, StanchError, Unreachable
from stanch.language.catalogue import EffectByParam
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.activities.served import Scripted, free_port, raw
from tests.activities.served import until as soon
from tests.support.moto import start_moto

# One server serves the whole module, so all of it belongs on one worker.
pytestmark = pytest.mark.xdist_group("moto")
SPEC = load_catalogue().actions["aws"]
KEY = "s3cret-of-the-access-key"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_moto(tmp_path_factory.mktemp("aws") / "moto") as url:
        yield url


@pytest.fixture
def moto(server: str) -> str:
    """With nothing in it yet."""
    httpx.post(f"{server}/moto-api/reset").raise_for_status()
    return server


def system(url: str, **more: Any) -> dict[str, Any]:
    here = {"kind": "aws", "url": url, "user": "AKIASTANCH", "password": KEY, "project": "eu-central-1"}
    return {**here, **more}


@pytest.fixture
async def aws(moto: str, site: Scripted) -> AsyncIterator[Aws]:
    away = f"http://127.0.0.1:{free_port()}"
    nowhere = {name: held for name, held in system(moto).items() if name != "project"}
    places = {"cloud": system(moto), "other": system(site.url), "away": system(away), "nowhere": nowhere}
    action = Aws(Systems(places))
    yield action
    await action.close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the account that runs the tests."""
    for name in (
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def reading() -> Context:
    return Beats(changes=False).context()


def call(name: str, with_: dict[str, Any] | None = None, /, **more: Any) -> dict[str, Any]:
    service, _, api = name.partition(" ")
    params: dict[str, Any] = {"server": "cloud", "service": service, "api": api, **more}
    if with_ is not None:
        params["with"] = with_
    Parameters(SPEC).check(params)
    return params


async def done(aws: Aws, params: dict[str, Any], context: Context) -> Any:
    result = await aws.perform(params, context)
    Draft202012Validator(SPEC.result).validate(result)
    return result


# --- what a name tells ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("api", "effect"),
    [
        ("DescribeInstances", "read"),
        ("ListBuckets", "read"),
        ("GetObject", "read"),
        ("HeadBucket", "read"),
        ("LookupEvents", "read"),
        ("SearchResources", "read"),
        ("BatchGetImage", "read"),
        ("RebootInstances", None),
        ("Listen", None),
        ("GetawayPlan", None),
    ],
)
def test_the_name_of_an_api_tells_whether_it_reads(api: str, effect: str | None) -> None:
    assert isinstance(SPEC.effect, EffectByParam)
    assert SPEC.effect.of(api) == effect


# --- reading and changing ---------------------------------------------------------------------------------


async def test_what_is_changed_is_read_again(aws: Aws, context: Context, reading: Context) -> None:
    group = {
        "AutoScalingGroupName": "web",
        "MinSize": 1,
        "MaxSize": 4,
        "AvailabilityZones": ["eu-central-1a"],
    }
    launch = {"LaunchConfigurationName": "web", "ImageId": "ami-12c6146b", "InstanceType": "t3.micro"}
    await done(aws, call("autoscaling CreateLaunchConfiguration", launch), context)
    made = {**group, "LaunchConfigurationName": "web"}
    await done(aws, call("autoscaling CreateAutoScalingGroup", made), context)
    wanted = {"AutoScalingGroupName": "web", "DesiredCapacity": 3}
    changed = await done(aws, call("autoscaling SetDesiredCapacity", wanted), context)
    assert (changed["found"], changed["json"], bool(changed["request_id"])) == (True, {}, True)
    asked = call(
        "autoscaling DescribeAutoScalingGroups",
        {"AutoScalingGroupNames": ["web"]},
        output="AutoScalingGroups[].DesiredCapacity",
    )
    assert (await done(aws, asked, reading))["json"] == [3]
    whole = await done(aws, call("autoscaling DescribeAutoScalingGroups"), reading)
    (found,) = whole["json"]["AutoScalingGroups"]
    assert found["CreatedTime"].endswith("+00:00")
    assert whole["request_id"]


async def test_another_region_is_another_place(aws: Aws, context: Context, reading: Context) -> None:
    await done(aws, call("sqs CreateQueue", {"QueueName": "orders"}), context)
    here = await done(aws, call("sqs ListQueues"), reading)
    there = await done(aws, call("sqs ListQueues", region="us-east-1"), reading)
    assert (len(here["json"]["QueueUrls"]), there["json"].get("QueueUrls", [])) == (1, [])


async def test_pages_are_put_together_up_to_a_bound(aws: Aws, site: Scripted, reading: Context) -> None:
    """A server with more pages than anybody wants; each has 100 items."""

    def page(got: Any) -> Response:
        at = int(parse_qs(got.body.decode()).get("NextToken", ["0"])[0])
        groups = "".join(
            f"<member><AutoScalingGroupName>g{at}-{n}</AutoScalingGroupName></member>" for n in range(100)
        )
        body = (
            "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult>"
            f"<AutoScalingGroups>{groups}</AutoScalingGroups><NextToken>{at + 1}</NextToken>"
            "</DescribeAutoScalingGroupsResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"
            "</DescribeAutoScalingGroupsResponse>"
        )
        return Response(body, media_type="text/xml")

    site.reply = page
    asked = call("autoscaling DescribeAutoScalingGroups", server="other")
    result = await done(aws, asked, reading)
    assert (len(result["json"]["AutoScalingGroups"]), result["truncated"]) == (1000, True)
    assert len(site.got) <= 11
    assert "NextToken" not in result["json"]
    site.got.clear()
    own = await done(
        aws, call("autoscaling DescribeAutoScalingGroups", {"NextToken": "7"}, server="other"), reading
    )
    assert (len(own["json"]["AutoScalingGroups"]), own["json"]["NextToken"]) == (100, "8")
    assert len(site.got) == 1


async def test_a_body_is_text_or_base64_within_a_limit(aws: Aws, context: Context, reading: Context) -> None:
    place = {"LocationConstraint": "eu-central-1"}
    await done(
        aws, call("s3 CreateBucket", {"Bucket": "backups", "CreateBucketConfiguration": place}), context
    )
    for key, body in (("text", "gr\u00fc\u00dfe"), ("large", "x" * 300_000)):
        await done(aws, call("s3 PutObject", {"Bucket": "backups", "Key": key, "Body": body}), context)
    text = await done(aws, call("s3 GetObject", {"Bucket": "backups", "Key": "text"}), reading)
    assert (text["json"]["Body"], text["truncated"]) == ("gr\u00fc\u00dfe", False)
    large = await done(aws, call("s3 GetObject", {"Bucket": "backups", "Key": "large"}), reading)
    assert (len(large["json"]["Body"]), large["truncated"]) == (256 * 1024, True)


async def test_what_is_not_there_is_an_answer_only_where_it_may_be(aws: Aws, reading: Context) -> None:
    for name, given in (
        ("s3 GetObject", {"Bucket": "none", "Key": "k"}),
        ("s3 HeadObject", {"Bucket": "none", "Key": "k"}),
        ("sqs GetQueueUrl", {"QueueName": "none"}),
        ("rds DescribeDBInstances", {"DBInstanceIdentifier": "none"}),
    ):
        result = await done(aws, call(name, given, missing_ok=True), reading)
        assert (result["found"], result["json"]) == (False, None), name
    with pytest.raises(ActionRefused, match=r"aws rds DescribeDBInstances was refused: DBInstanceNotFound: "):
        await aws.perform(call("rds DescribeDBInstances", {"DBInstanceIdentifier": "none"}), reading)


# --- secrets ----------------------------------------------------------------------------------------------


async def test_what_aws_calls_secret_is_not_in_the_answer(
    aws: Aws, context: Context, reading: Context
) -> None:
    await done(aws, call("secretsmanager CreateSecret", {"Name": "s", "SecretString": "hunter-22"}), context)
    await done(aws, call("iam CreateUser", {"UserName": "u"}), context)
    stored = {"Name": "p", "Value": "hunter-23", "Type": "SecureString"}
    await done(aws, call("ssm PutParameter", stored), context)
    await done(aws, call("ssm PutParameter", {"Name": "q", "Value": "ami-1", "Type": "String"}), context)
    secret = await done(aws, call("secretsmanager GetSecretValue", {"SecretId": "s"}), reading)
    key = await done(aws, call("iam CreateAccessKey", {"UserName": "u"}), context)
    names = {"Names": ["p", "q"], "WithDecryption": True}
    parameters = await done(aws, call("ssm GetParameters", names), reading)
    pair = await done(aws, call("ec2 CreateKeyPair", {"KeyName": "k"}), context)
    assert secret["json"]["SecretString"] == "[secret]"
    assert key["json"]["AccessKey"]["SecretAccessKey"] == "[secret]"
    assert pair["json"]["KeyMaterial"] == "[secret]"
    assert {each["Name"]: each["Value"] for each in parameters["json"]["Parameters"]} == {
        "p": "[secret]",
        "q": "ami-1",
    }
    assert "hunter" not in str((secret, parameters))


async def test_no_expression_brings_a_secret_out(aws: Aws, context: Context, reading: Context) -> None:
    await done(aws, call("secretsmanager CreateSecret", {"Name": "s", "SecretString": "hunter-22"}), context)
    asked = call("secretsmanager GetSecretValue", {"SecretId": "s"}, output="{plain: SecretString}")
    assert (await done(aws, asked, reading))["json"] == {"plain": "[secret]"}


async def test_the_workers_own_key_is_hidden(aws: Aws, reading: Context) -> None:
    hidden: list[str] = []
    await done(aws, call("sqs ListQueues"), replace(reading, hide=hidden.extend))
    assert KEY in hidden


async def test_without_a_system_the_workers_environment_counts(
    moto: str, reading: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = Aws(Systems({}))
    asked = {"service": "sqs", "api": "ListQueues"}
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    with pytest.raises(InvalidInput, match="aws sqs ListQueues: You must specify a region"):
        await action.perform(asked, reading)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    action = Aws(Systems({}))
    with pytest.raises(InvalidInput, match="aws sqs ListQueues: Unable to locate credentials"):
        await action.perform(asked, reading)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWORKER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key-of-the-worker")
    hidden: list[str] = []
    action = Aws(Systems({}))
    assert (await done(action, asked, replace(reading, hide=hidden.extend)))["found"]
    assert hidden == ["key-of-the-worker"]
    await action.close()


# --- what fails -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "says"),
    [
        (call("ec3 DescribeInstances"), "Unknown service: 'ec3'"),
        (
            call("ec2 DescribeInstance"),
            "`ec2` of AWS has no API `DescribeInstance`; did you mean `DescribeInstances`",
        ),
        (
            call("ec2 RebootInstances", {"InstanceId": "i-1"}),
            '`with` does not fit: Missing required parameter in input: "InstanceIds"; Unknown parameter in',
        ),
        (call("sqs ListQueues", output="QueueUrls["), "`output` of an aws step is no JMESPath expression"),
        (call("sqs ListQueues", server="nowhere"), "You must specify a region"),
    ],
)
async def test_what_its_author_got_wrong_is_not_sent(
    aws: Aws, site: Scripted, context: Context, params: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await aws.perform({"server": "other", **params} if "server" not in params else params, context)
    assert says in str(caught.value)
    assert site.got == []


def refusing(status: int, code: str) -> Response:
    body = (
        f"<ErrorResponse><Error><Code>{code}</Code><Message>it is not to be</Message></Error>"
        "<RequestId>req-1</RequestId></ErrorResponse>"
    )
    return Response(body, status, media_type="text/xml")


CHANGE = call(
    "autoscaling SetDesiredCapacity", {"AutoScalingGroupName": "w", "DesiredCapacity": 1}, server="other"
)
READ = call("autoscaling DescribeAutoScalingGroups", server="other")


@pytest.mark.parametrize(
    ("status", "code", "changed", "read"),
    [
        (400, "ValidationError", ActionRefused, ActionRefused),
        (403, "AccessDenied", ActionRefused, ActionRefused),
        (400, "Throttling", Unreachable, Unreachable),
        (503, "RequestLimitExceeded", Unreachable, Unreachable),
        (500, "InternalFailure", OutcomeUnknown, Unreachable),
        (503, "ServiceUnavailable", OutcomeUnknown, Unreachable),
    ],
)
async def test_a_refusal_is_told_in_the_words_of_aws(
    aws: Aws,
    site: Scripted,
    context: Context,
    reading: Context,
    status: int,
    code: str,
    changed: type[StanchError],
    read: type[StanchError],
) -> None:
    site.reply = lambda _: refusing(status, code)
    says = rf"SetDesiredCapacity was refused: {code}: it is not to be \(request req-1\)"
    with pytest.raises(changed, match=says) as caught:
        await aws.perform(CHANGE, context)
    assert ("check the credentials that the worker has" in str(caught.value)) is (code == "AccessDenied")
    assert len(site.got) == 1, "a change is sent once"
    with pytest.raises(read, match=f"was refused: {code}"):
        await aws.perform(READ, reading)


async def test_a_read_is_sent_again_by_itself(aws: Aws, site: Scripted, reading: Context) -> None:
    name = "DescribeAutoScalingGroups"
    answer = f"<{name}Response><{name}Result/></{name}Response>"
    site.reply = lambda _: (
        refusing(500, "InternalFailure") if len(site.got) < 2 else Response(answer, media_type="text/xml")
    )
    assert (await done(aws, READ, reading))["found"]
    assert len(site.got) == 2


async def test_a_change_that_is_sent_again_is_known_by_its_token(
    aws: Aws, site: Scripted, context: Context
) -> None:
    site.reply = lambda _: refusing(500, "InternalFailure")
    asked = call("ec2 RunInstances", {"ImageId": "ami-1", "MinCount": 1, "MaxCount": 1}, server="other")
    for key in (context.key, context.key, "run/another/step"):
        with pytest.raises(OutcomeUnknown):
            await aws.perform(asked, replace(context, key=key))
    first, again, another = (parse_qs(got.body.decode())["ClientToken"] for got in site.got)
    assert first == again != another


async def test_an_answer_that_makes_no_sense_is_no_success(
    aws: Aws, site: Scripted, context: Context, reading: Context
) -> None:
    site.reply = lambda _: Response("<html>", media_type="text/xml")
    with pytest.raises(OutcomeUnknown, match="aws autoscaling SetDesiredCapacity: "):
        await aws.perform(CHANGE, context)
    with pytest.raises(ActionRefused, match="aws autoscaling DescribeAutoScalingGroups: "):
        await aws.perform(READ, reading)


async def test_a_stack_that_is_not_there_has_no_code_of_its_own(aws: Aws, reading: Context) -> None:
    asked = call("cloudformation DescribeStacks", {"StackName": "none"}, missing_ok=True)
    assert not (await done(aws, asked, reading))["found"]


async def test_nobody_listens(aws: Aws, context: Context) -> None:
    with pytest.raises(Unreachable, match="Could not connect to the endpoint URL"):
        await aws.perform({**CHANGE, "server": "away"}, context)


async def test_a_connection_that_breaks_behind_a_change_is_in_doubt(
    context: Context, reading: Context
) -> None:
    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with raw(cut) as url:
        action = Aws(Systems({"other": system(url)}))
        with pytest.raises(OutcomeUnknown, match="nobody knows whether it was executed"):
            await action.perform(CHANGE, context)
        with pytest.raises(Unreachable, match=r"aws autoscaling DescribeAutoScalingGroups: "):
            await action.perform(READ, reading)
        await action.close()


async def test_no_answer_in_time(beats: Beats) -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw(silent) as url:
        action = Aws(Systems({"other": system(url)}))
        # The first client takes its time, which is not what this is about.
        with pytest.raises(InvalidInput):
            await action.perform(call("autoscaling SetDesiredCapacity", server="other"), beats.context())
        with pytest.raises(OutcomeUnknown, match="nobody knows whether it was executed"):
            await action.perform(CHANGE, beats.context(timeout=3))
        await action.close()


async def test_a_cancelled_change_tells_that_nobody_knows(beats: Beats) -> None:
    asked: list[bool] = []

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        asked.append(True)
        await reader.read()

    async with raw(silent) as url:
        action = Aws(Systems({"other": system(url)}))
        task = asyncio.create_task(action.perform(CHANGE, beats.context(timeout=20)))
        await soon(lambda: bool(asked), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [(end.target, end.state) for end in beats.ends] == [
            ("aws autoscaling SetDesiredCapacity", "unknown")
        ]
        await action.close()


async def test_more_than_a_history_can_hold_is_refused_unless_less_is_taken_of_it(
    aws: Aws, site: Scripted, reading: Context
) -> None:
    groups = "".join(
        f"<member><AutoScalingGroupName>g{at}</AutoScalingGroupName><Status>{'x' * 10_000}</Status></member>"
        for at in range(60)
    )
    body = (
        "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult>"
        f"<AutoScalingGroups>{groups}</AutoScalingGroups>"
        "</DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>"
    )
    site.reply = lambda _: Response(body, media_type="text/xml")
    with pytest.raises(ActionRefused, match="at most 491520 are taken; ask for less, or say in `output`"):
        await aws.perform(READ, reading)
    names = await done(aws, {**READ, "output": "AutoScalingGroups[].AutoScalingGroupName"}, reading)
    assert len(names["json"]) == 60
