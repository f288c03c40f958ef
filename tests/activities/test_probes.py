"""The actions `tcp` and `tls` against real listeners."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from jsonschema import Draft202012Validator

from activities.action import Context
from activities.tcp import Tcp
from activities.tls import Tls
from stanch.errors import InvalidInput, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.activities.served import free_port

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@pytest.fixture
def one() -> Context:
    return Beats(changes=False).context(one=True)


@pytest.fixture
def many() -> Context:
    return Beats(changes=False).context()


def check(name: str, result: Any) -> Any:
    for each in result if isinstance(result, list) else [result]:
        Draft202012Validator(load_catalogue().actions[name].result).validate(each)
    return result


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None, says: bytes = b"") -> AsyncIterator[str]:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


class Authority:
    """Signs certificates; `issuer` has signed its own, or it has done so itself."""

    def __init__(self, name: str, issuer: Authority | None = None, days: float = 100) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = issuer or self
        self.held = signer.sign(self.name, self.key.public_key(), days, authority=True)

    def sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePublicKey,
        days: float,
        *,
        authority: bool = False,
        address: str = "127.0.0.1",
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=10))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            names = [x509.DNSName("db.example.org"), x509.IPAddress(ipaddress.ip_address(address))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())


def serving(folder: Path, root: Authority, *, days: float = 30, address: str = "127.0.0.1") -> ssl.SSLContext:
    """A server whose certificate an authority in the middle has signed; `ca.pem` in `folder` is the root."""
    middle = Authority("middle", root, days=20)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "db.example.org")])
    own = middle.sign(name, key.public_key(), days, address=address)
    pem = serialization.Encoding.PEM
    chain = b"".join(each.public_bytes(pem) for each in (own, middle.held))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(chain + private)
    (folder / "ca.pem").write_bytes(root.held.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


async def test_places_that_listen_and_places_that_do_not(many: Context) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    async with listening() as somebody:
        result = check("tcp", await Tcp().perform({"to": [somebody, nobody, "no-such-host.invalid:1"]}, many))
    assert [(each["open"], each["error"]) for each in result] == [
        (True, ""),
        (False, "connection refused"),
        (False, "its name has no address"),
    ]
    said = Tcp().failure(result)
    assert said == f"`{nobody}`: connection refused; `no-such-host.invalid:1`: its name has no address"


async def test_what_a_server_says_first(one: Context) -> None:
    async with listening(says=b"SSH-2.0-test\r\n") as place:
        assert (await Tcp().perform({"to": place, "greeting": True}, one))["banner"] == "SSH-2.0-test"
    async with listening() as silent:
        assert (await Tcp().perform({"to": silent, "greeting": True}, one))["banner"] == ""


@pytest.mark.parametrize("text", ["db1", "db1:", "db1:0", "db1:99999", ":5432"])
async def test_what_is_no_place_is_refused(one: Context, text: str) -> None:
    with pytest.raises(InvalidInput, match="is no `HOST:PORT`"):
        await Tcp().perform({"to": text}, one)


async def test_a_chain_that_is_in_order(one: Context, tmp_path: Path) -> None:
    async with listening(serving(tmp_path, Authority("root"))) as place:
        result = check("tls", await Tls().perform({"to": place, "ca_file": str(tmp_path / "ca.pem")}, one))
    assert (result["trusted"], result["error"], result["subject"]) == (True, "", "CN=db.example.org")
    assert (result["issuer"], result["names"]) == ("CN=middle", ["db.example.org", "127.0.0.1"])
    assert [each["subject"] for each in result["chain"]] == ["CN=db.example.org", "CN=middle"]
    assert result["chain"][0]["days_left"] == pytest.approx(30, abs=0.1)
    assert result["days_left"] == pytest.approx(20, abs=0.1), "the one in the middle ends first"
    assert Tls().failure(result) is None


@pytest.mark.parametrize(
    ("days", "address", "trusted", "says"),
    [
        (-1, "127.0.0.1", True, "certificate has expired"),
        (30, "127.0.0.2", True, "IP address mismatch"),
        (30, "127.0.0.1", False, "unable to get local issuer certificate|self-signed certificate"),
    ],
)
async def test_what_a_client_would_not_trust_is_read_all_the_same(
    one: Context, tmp_path: Path, days: float, address: str, trusted: bool, says: str
) -> None:
    async with listening(serving(tmp_path, Authority("root"), days=days, address=address)) as place:
        params = {"to": place, **({"ca_file": str(tmp_path / "ca.pem")} if trusted else {})}
        result = check("tls", await Tls().perform(params, one))
    assert not result["trusted"]
    assert result["chain"][0]["days_left"] == pytest.approx(days, abs=0.1)
    said = Tls().failure(result)
    assert said is not None
    assert re.search(says, said)


async def test_a_name_of_its_own_is_asked_for(one: Context, tmp_path: Path) -> None:
    params = {"server_name": "db.example.org", "ca_file": str(tmp_path / "ca.pem")}
    async with listening(serving(tmp_path, Authority("root"), address="127.0.0.2")) as place:
        assert (await Tls().perform({"to": place, **params}, one))["trusted"]


async def test_what_does_not_speak_tls_is_no_certificate(one: Context) -> None:
    async with listening(says=b"220 hello\r\n") as place:
        with pytest.raises(Unreachable, match="it does not speak TLS as we do"):
            await Tls().perform({"to": place}, one)
    with pytest.raises(Unreachable, match="connection refused"):
        await Tls().perform({"to": f"127.0.0.1:{free_port()}"}, one)
