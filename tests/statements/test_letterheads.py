"""The logo of a letterhead: what is accepted, and that statements keep the one they were issued with."""

import base64
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from kit.refusals import Refusal
from licensing.statements import issuing, letterheads
from licensing.statements.models import Letterhead
from people import audit
from tenants.models import Partner
from tests.statements.world import JUNE, make_world

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9" fill="#0b5c75"/>%s</svg>'


@pytest.mark.parametrize("logo", [PNG, SVG % b""])
def test_statement_keeps_the_logo_that_it_was_issued_with(acme: Partner, client_of: Any, logo: bytes) -> None:
    world = make_world()
    letterheads.save(audit.SYSTEM, {"name": "Acme GmbH", "address": "Main Street 1\nBerlin"}, logo)
    made = issuing.issue(world.actor, world.harbor, *JUNE)
    letterheads.save(audit.SYSTEM, {"name": "Acme Ltd"}, remove_logo=True)

    viewer = client_of(acme, "viewer")
    assert viewer.get(f"/statements/{made.pk}/logo/").content == logo
    page = viewer.get(f"/statements/{made.pk}/").content.decode()
    assert "Acme GmbH" in page
    assert "Main Street 1" in page
    assert "Acme Ltd" not in page
    assert viewer.get("/statements/letterhead/logo/").status_code == 404


@pytest.mark.parametrize(
    ("logo", "words"),
    [
        (b"GIF89a", "no PNG, JPEG or SVG"),
        (PNG[:40], "cannot be read"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 300_000, "larger than 200 kB"),
        (SVG % b"<script>1</script>", "holds a script"),
        (SVG % b'<image href="http://elsewhere.example/a.png"/>', "holds a script"),
        (SVG % b'<use href="other.svg#a"/>', "holds a script"),
        (SVG % b'<g onload="x()"/>', "holds a script"),
        (SVG % b'<g style="fill: url(http://elsewhere.example)"/>', "holds a script"),
        (SVG % b"<style>@import 'a.css'</style>", "loads a style"),
        (b'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/hostname">]>' + SVG % b"<text>&a;</text>", "no valid SVG"),
        (SVG % b"<rect", "no valid SVG"),
    ],
)
def test_other_logos_are_refused(acme: Partner, logo: bytes, words: str) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        letterheads.save(audit.SYSTEM, {"name": "Acme"}, logo)

    assert refused.value.field == "logo"
    assert not Letterhead.objects.exists()


def test_owner_saves_and_others_may_not(acme: Partner, client_of: Any) -> None:
    def values() -> dict[str, Any]:
        return {"name": "Acme GmbH", "address": "Main Street 1", "logo": SimpleUploadedFile("logo.png", PNG)}

    assert client_of(acme, "operator").post("/statements/letterhead/", values()).status_code == 403
    assert client_of(acme, "owner").post("/statements/letterhead/", values()).status_code == 302
    row = Letterhead.objects.get()
    assert (row.name, row.logo is not None) == ("Acme GmbH", True)


def test_without_a_letterhead_the_partners_name_stands_there(acme: Partner) -> None:
    world = make_world()

    assert issuing.issue(world.actor, world.harbor, *JUNE).content["letterhead"]["name"] == acme.name
