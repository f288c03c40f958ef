"""A mail over SMTP, in plain text."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from urllib.parse import urlsplit

from activities.notify.message import Message
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.language.plan import Json

_SCHEMES = {"smtp": 25, "smtps": 465}


def send(system: str, settings: Mapping[str, Json], message: Message, seconds: float) -> str:
    """The id of the mail. Blocks, for no longer than `seconds` without an answer.

    `smtp` uses TLS where the server offers it, and has to where there is a password; `smtps` from the start.
    Raises InvalidInput, Unreachable, ActionRefused and OutcomeUnknown.
    """
    url = urlsplit(settings["url"])
    if url.scheme not in _SCHEMES or not url.hostname:
        raise InvalidInput(
            f"the system `{system}` has a `url` such as `smtp://mail:25` or `smtps://mail:465`"
        )
    mail = _mail(system, settings, message)
    trusted = ssl.create_default_context(cafile=settings.get("ca_file") or None)
    place = url.hostname, url.port or _SCHEMES[url.scheme]
    with _said(system, sent=False):
        if url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(*place, timeout=seconds, context=trusted)
        else:
            server = smtplib.SMTP(*place, timeout=seconds)
    try:
        with _said(system, sent=False):
            _enter(server, settings, trusted, secure=url.scheme == "smtps")
        with _said(system, sent=True):
            refused = server.send_message(mail)
    finally:
        server.close()
    if refused:
        told = ", ".join(f"`{each}`" for each in refused)
        raise ActionRefused(f"`{system}` took the mail for others, but not for {told}")
    return str(mail["Message-ID"])


def _enter(
    server: smtplib.SMTP, settings: Mapping[str, Json], trusted: ssl.SSLContext, *, secure: bool
) -> None:
    server.ehlo()
    if not secure and server.has_extn("starttls"):
        server.starttls(context=trusted)
        server.ehlo()
        secure = True
    if "password" in settings:
        if not secure:
            raise smtplib.SMTPNotSupportedError("it offers no TLS, and a password is not sent without")
        server.login(settings["user"], settings["password"])


def _mail(system: str, settings: Mapping[str, Json], message: Message) -> EmailMessage:
    mail = EmailMessage()
    try:
        sender = Address(addr_spec=settings["from"])
        mail["From"] = sender
        mail["To"] = [Address(addr_spec=each.strip()) for each in settings["to"].split(",")]
    except (KeyError, ValueError) as error:
        raise InvalidInput(f"the system `{system}` needs addresses in `from` and `to`: {error}") from None
    first = message.text.strip().partition("\n")[0]
    mail["Subject"] = message.title or first[:120]
    mail["Date"] = format_datetime(localtime())
    # The same for every attempt, so that a mail system that compares them keeps one.
    mail["Message-ID"] = f"<{message.mark or 'stanch'}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    if message.thread:
        mail["In-Reply-To"] = mail["References"] = " ".join(message.thread.split())
    mail.set_content(message.plain)
    return mail


@contextmanager
def _said(system: str, *, sent: bool) -> Iterator[None]:
    """What went wrong, by whether the mail may be on its way."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code, told = next(iter(error.recipients.values()))
        raise _answer(system, code, told) from None
    except smtplib.SMTPResponseException as error:
        raise _answer(system, error.smtp_code, error.smtp_error) from None
    except smtplib.SMTPNotSupportedError as error:
        raise ActionRefused(f"`{system}`: {error}") from None
    except (smtplib.SMTPException, OSError) as error:
        why = str(error) or type(error).__name__
        if sent:
            raise OutcomeUnknown(f"`{system}`: {why}; nobody knows whether the mail was sent") from None
        raise Unreachable(f"`{system}`: {why}") from None


def _answer(system: str, code: int, told: bytes | str) -> ActionRefused | Unreachable:
    """A server that answers 4xx has not taken it, and may do so later (RFC 5321, 4.2.1)."""
    words = told.decode("utf-8", "replace") if isinstance(told, bytes) else told
    text = f"`{system}` answered {code}: {' '.join(words.split())[:300]}"
    return (Unreachable if 400 <= code < 500 else ActionRefused)(text)
