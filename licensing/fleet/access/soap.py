"""Write AXL's envelope and read its answers (docs/cisco-api.md#axl-status). Pure: bytes in, words out.

The WSDL promises a `return` element around `LicenseDetails`, and Unified CM answers without it: members are found by
their names, wherever they stand and in whatever namespace. The parser takes no entities and no document types.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from licensing.fleet.access.answers import Status

ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns="{namespace}">'
    "<soapenv:Header/><soapenv:Body><ns:{call}>{members}</ns:{call}></soapenv:Body></soapenv:Envelope>"
)
NAMESPACE = "http://www.cisco.com/AXL/API/{version}"
OLDEST = "12.5"  # The first with Smart Licensing under HCS (docs/domain.md#smart-since). Newer ones take it too.
NOT_REGISTERED = ("unregistered", "registration expired", "registration failed", "deregistered")


class NotXml(Exception):
    """The answer is not XML, is not complete, or has parts that are not accepted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A refusal of AXL, in its own words."""

    text: str


def envelope(call: str, version: str, members: Mapping[str, str] | None = None) -> bytes:
    parts = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in (members or {}).items())
    namespace = NAMESPACE.format(version=version)
    return ENVELOPE.format(namespace=namespace, call=call, members=parts).encode()


def axl_version(version: str) -> str:
    """Return the first two numbers of Unified CM's version: `14.0.1` -> 14.0, `15` -> 15.0.

    An unknown or older version counts as 12.5.
    """
    found = re.match(r"\s*(\d+)(?:\.(\d+))?", version)
    if not found or int(found[1]) < 12:
        return OLDEST
    return f"{int(found[1])}.{int(found[2] or 0)}"


def read(content: bytes) -> Status | Fault | None:
    """Return the status or the fault that an answer holds; None for any other answer. Raises NotXml."""
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise NotXml from None
    fault = _find(root, "Fault")
    if fault is not None:
        return Fault(_text(fault, "faultstring") or _text(fault, "axlmessage") or "no reason given")
    details = _find(root, "LicenseDetails")
    return None if details is None else _status(details)


def _status(details: object) -> Status:
    registration, authorization = _find(details, "Registration"), _find(details, "Authorization")
    words = _text(registration, "Status")
    registered = _is_registered(words)
    return Status(
        registered=registered,
        virtual_account=_text(registration, "VirtualAccount") if registered else ("" if registered is False else None),
        smart_account=_text(registration, "SmartAccount") if registered else ("" if registered is False else None),
        authorization=_text(authorization, "Status") or None,
        export_control=_is_allowed(_text(registration, "ExportControlFunctionality")),
        reason=_text(registration, "RegistrationFailedReason") or None,
    )


def _is_registered(words: str) -> bool | None:
    """Return whether the words say registered.

    None: a registration under way, or a word that no source lists (docs/cisco-api.md#product-states).
    """
    found = words.casefold()
    if found.startswith(NOT_REGISTERED):
        return False
    return True if re.match(r"registered\b", found) else None


def _is_allowed(words: str) -> bool | None:
    return {"allowed": True, "not allowed": False}.get(words.casefold())


def _find(element: object, name: str) -> object | None:
    """Return the first descendant of that local name, whatever its namespace."""
    if element is None:
        return None
    return next((part for part in element.iter() if _local(part.tag) == name), None)  # type: ignore[attr-defined]


def _text(element: object, name: str) -> str:
    found = _find(element, name)
    text = "" if found is None else str(found.text or "")  # type: ignore[attr-defined]
    return " ".join(text.split())[:300]


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]
