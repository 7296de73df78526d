"""Save how the partner's statements look: name, address, logo and the texts of mails."""

import hashlib
import re
import string
from typing import Any

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from django.db import transaction
from typst import TypstError

from kit.refusals import Refusal, check_row
from licensing.statements.models import Letterhead, Logo
from licensing.statements.rendering.pdf import check_logo
from people import audit
from people.audit import Actor
from tenants.addresses import partner_name

MOST_BYTES = 200 * 1024
MOST_LINES = 6
PLACEHOLDERS = ("number", "customer", "period", "partner", "verify")
SUBJECT = "License statement {number} for {customer}"
TEXT = """Hello,

please find attached the license statement {number} of {customer} for {period}.

You can check that it has not been changed: {verify}

{partner}
"""
SIGNATURES = {b"\x89PNG\r\n\x1a\n": Logo.MediaType.PNG, b"\xff\xd8\xff": Logo.MediaType.JPEG}
# Elements of SVG that run programs, embed pages or load something.
UNSAFE_ELEMENTS = {"script", "foreignobject", "iframe", "image", "feimage", "animate", "set", "a"}
LOADS = re.compile(r"url\s*\(\s*['\"]?\s*(?!#)|@import|javascript:", re.IGNORECASE)


def current() -> Letterhead:
    """Return the letterhead. Before an owner has saved one, it shows the partner's name alone."""
    return Letterhead.objects.select_related("logo").first() or Letterhead(
        id=1, name=partner_name(), mail_subject="", mail_text=""
    )


@transaction.atomic
def save(actor: Actor, values: dict[str, Any], logo: bytes | None = None, remove_logo: bool = False) -> Letterhead:
    """Save the letterhead. `logo` None keeps the present one. Statements that were issued keep theirs."""
    row = Letterhead.objects.select_for_update().first()
    before = audit.snapshot(row) if row else None
    row = row or Letterhead(id=1)
    for name in Letterhead.OWN:
        if name in values:
            setattr(row, name, values[name].replace("\r\n", "\n").strip())
    _check_texts(row)
    if logo is not None:
        row.logo = keep_logo(logo)
    elif remove_logo:
        row.logo = None
    check_row(row)
    row.save()
    audit.record(actor, "changed" if before else "added", row, before=before)
    return row


def _check_texts(row: Letterhead) -> None:
    if len(row.address.splitlines()) > MOST_LINES:
        raise Refusal(f"The address has more than {MOST_LINES} lines.", "Shorten it.", "address")
    for name in ("mail_subject", "mail_text"):
        check_placeholders(getattr(row, name), name)
    if "\n" in row.mail_subject or "\r" in row.mail_subject:
        raise Refusal("The subject has more than one line.", "Enter one line.", "mail_subject")


def check_placeholders(text: str, field: str) -> None:
    """Refuse a text with braces that name nothing."""
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    try:
        names = [name for _, name, spec, conversion in string.Formatter().parse(text) if name is not None]
        odd = [name for name in names if name not in PLACEHOLDERS]
    except ValueError:
        raise Refusal("A brace has no partner.", f"Placeholders are {known}.", field) from None
    if odd:
        raise Refusal(f"{{{odd[0]}}} is not a placeholder.", f"Placeholders are {known}.", field)


def keep_logo(content: bytes) -> Logo:
    """Return the stored row of this picture, or refuse it."""
    if len(content) > MOST_BYTES:
        raise Refusal("The logo is larger than 200 kB.", "Choose a smaller file.", "logo")
    media_type = _media_type(content)
    if media_type == Logo.MediaType.SVG:
        _check_svg(content)
    try:
        check_logo(content, media_type)
    except TypstError:
        raise Refusal("The logo cannot be read.", "Choose another PNG, JPEG or SVG file.", "logo") from None
    digest = hashlib.sha256(content).hexdigest()
    row, _ = Logo.objects.get_or_create(digest=digest, defaults={"media_type": media_type, "content": content})
    return row


def _media_type(content: bytes) -> str:
    for start, media_type in SIGNATURES.items():
        if content.startswith(start):
            return media_type
    if b"<svg" in content[:2000]:
        return Logo.MediaType.SVG
    raise Refusal("The logo is no PNG, JPEG or SVG file.", "Choose a file of one of these kinds.", "logo")


def _check_svg(content: bytes) -> None:
    """Refuse an SVG that does more than draw: scripts, links, and whatever would be loaded from elsewhere."""
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, DefusedXmlException, ValueError):
        raise Refusal("The logo is no valid SVG file.", "Choose another file.", "logo") from None
    for element in root.iter():
        name = str(element.tag).rpartition("}")[2].lower()
        values = [str(value) for value in element.attrib.values()]
        handler = any(str(key).rpartition("}")[2].lower().startswith("on") for key in element.attrib)
        linked = any(
            str(key).rpartition("}")[2].lower() == "href" and not value.startswith("#")
            for key, value in element.attrib.items()
        )
        if name in UNSAFE_ELEMENTS or handler or linked or any(map(LOADS.search, values)):
            raise Refusal(
                "The SVG file holds a script, a link or a picture from elsewhere.", "Save it as plain shapes.", "logo"
            )
        if name == "style" and LOADS.search(element.text or ""):
            raise Refusal("The SVG file loads a style from elsewhere.", "Save it as plain shapes.", "logo")
