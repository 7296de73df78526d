"""Delivery to real servers that fail, delay and repeat: nothing lost, nothing sent twice with other content."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.channels import channels
from licensing.channels.delivery import collecting, retention, sending, services
from licensing.channels.delivery.sending import CLAIM, DEAD_AFTER
from licensing.channels.models import Channel, Delivery, DeliveryAttempt
from people import audit
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make
from tests.receivers import Mailbox, Receiver

BASE = "https://acme.portal.example"
SECRET = "whsec_c2VjcmV0LW9mLXRoZS1yZWNlaXZlcg=="
OWNER = audit.Actor(None, "owner@acme.example")


def tell(**channel: Any) -> Delivery:
    make.make_channel(**channel)
    make.make_event()
    collecting.collect(BASE)
    return Delivery.objects.latest("id")


def later(minutes: float) -> Callable[[], datetime]:
    return lambda: timezone.now() + timedelta(minutes=minutes)


def answers(delivery: Delivery) -> list[str]:
    return list(delivery.attempts.values_list("answer", flat=True))


# --- mail ---


def test_mail_is_readable_as_text_and_html_and_carries_its_id(acme: Partner, mailbox: Mailbox) -> None:
    delivery = tell()

    assert sending.send_due(BASE).sent == 1

    (mail,) = mailbox.parsed()
    assert mail["Message-ID"] == f"<{delivery.uuid}@acme.portal.example>"
    assert mail["To"] == "ops@acme.example"
    assert mail["Subject"] == delivery.subject
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(rf"<{BASE}/channels/unsubscribe/[^>]+/>", mail["List-Unsubscribe"].strip())
    text, html = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())  # type: ignore[attr-defined]
    assert text.strip() == delivery.text.strip()
    assert "<h1" in html
    delivery.refresh_from_db()
    assert (delivery.state, answers(delivery)) == ("sent", ["250 Queued as 1"])


def test_mail_that_is_refused_for_now_is_sent_again_byte_for_byte(acme: Partner, mailbox: Mailbox) -> None:
    delivery = tell()
    mailbox.answers = ["451 Try later", "421 Busy"]

    for minutes in (0, 2, 8):
        sending.send_due(BASE, now=later(minutes))

    assert len(mailbox.mails) == 3
    assert len(set(mailbox.mails)) == 1
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert answers(delivery) == ["451 Try later", "421 Busy", "250 Queued as 3"]
    assert Channel.objects.get().failures == 0


def test_recipient_that_is_refused_for_good_is_given_up_and_the_others_are_not(acme: Partner, mailbox: Mailbox) -> None:
    tell(recipients=["gone@acme.example", "ops@acme.example"])
    mailbox.refused = {"gone@acme.example": "550 No such user"}

    counts = sending.send_due(BASE)

    assert (counts.sent, counts.failed) == (1, 1)
    states = dict(Delivery.objects.values_list("recipient", "state"))
    assert states == {"gone@acme.example": "failed", "ops@acme.example": "sent"}


def test_no_mail_server_is_said(acme: Partner, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    delivery = tell()

    sending.send_due(BASE)

    assert "This portal has no mail server" in answers(delivery)[0]


def test_files_take_the_place_of_a_mail_server(acme: Partner, settings: Any, tmp_path: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    delivery = tell()

    sending.send_due(BASE)

    assert answers(delivery) == ["Written to a file in mail/: this portal has no mail server."]
    (written,) = (tmp_path / "mail").iterdir()
    assert str(delivery.uuid) in written.read_text()


# --- webhooks ---


def test_webhook_is_signed_so_that_the_documented_check_accepts_it(acme: Partner, receiver: Receiver) -> None:
    delivery = tell(url=receiver.url)

    assert sending.send_due(BASE).sent == 1

    ((headers, body),) = receiver.calls
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == expected
    assert headers["webhook-id"] == str(delivery.uuid) == receiver.bodies()[0]["id"]
    assert abs(int(headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60
    assert answers(delivery) == ["200 thanks"]


def test_webhook_that_fails_is_called_again_with_the_same_id_and_body(acme: Partner, receiver: Receiver) -> None:
    delivery = tell(url=receiver.url)
    receiver.answers = [500, 503, 404]

    for minutes in (0, 2, 5, 11):
        sending.send_due(BASE, now=later(minutes))

    assert receiver.ids() == [str(delivery.uuid)] * 4
    assert len({body for _, body in receiver.calls}) == 1
    assert answers(delivery) == ["500 no", "503 no", "404 no", "200 thanks"]


def test_slow_receiver_is_left_and_called_again(
    acme: Partner, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("licensing.channels.delivery.webhook.ANSWER_SECONDS", 0.3)
    receiver.delay = 1.0
    delivery = tell(url=receiver.url)
    sending.send_due(BASE)
    receiver.delay = 0.0
    sending.send_due(BASE, now=later(2))

    assert answers(delivery) == ["127.0.0.1 did not answer in time.", "200 thanks"]
    assert len(set(receiver.ids())) == 1


def test_redirects_are_not_followed(acme: Partner, receiver: Receiver) -> None:
    receiver.answers, receiver.headers = [302], {"location": "http://127.0.0.1:1/"}
    delivery = tell(url=receiver.url)

    sending.send_due(BASE)

    assert "not followed" in answers(delivery)[0]
    assert len(receiver.calls) == 1


@pytest.mark.parametrize("url", ["https://169.254.169.254/latest", "https://10.1.2.3/hook", "https://[::1]/"])
def test_forbidden_addresses_are_refused_when_saved_and_when_called(acme: Partner, url: str) -> None:
    with pytest.raises(Refusal) as refused:
        channels.save_channel(OWNER, Channel(name="x", kind="webhook"), url=url)
    assert refused.value.field == "url"
    delivery = tell(url=url)  # as if the name had led elsewhere when it was saved

    sending.send_due(BASE)

    assert "webhooks may not have here" in answers(delivery)[0]


def test_secrets_stay_out_of_answers_audit_and_texts(acme: Partner, receiver: Receiver) -> None:
    channel = Channel(name="Hook", kind="webhook")
    secret = channels.save_channel(OWNER, channel, url=receiver.url)
    channels.rotate_secret(OWNER, channel)
    receiver.answers = [500]
    make.make_event()
    collecting.collect(BASE)
    sending.send_due(BASE)

    assert secret.startswith("whsec_")
    written = "".join(
        [
            str(list(AuditEntry.objects.values_list("changes", "object_label"))),
            str(list(DeliveryAttempt.objects.values_list("answer"))),
            repr(channel),
            channel.url_shown,
            str(list(Channel.objects.values())),
            str(list(Delivery.objects.values())),
        ]
    )
    assert "s3cret-path" not in written
    assert secret not in written


# --- services ---


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("json://169.254.169.254/", "cannot be used here"),
        ("mailto://user:pass@example.com", "cannot be used here"),
        ("dbus://", "cannot be used here"),
        ("syslog://", "cannot be used here"),
        ("file:///etc/passwd", "cannot be used here"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?template=/etc/passwd", "option template"),
        ("workflows://internal.example:443/WorkflowID/Signature/", "host of this service"),
        ("slack://", "does not understand"),
        ("nothing", "cannot be used here"),
    ],
)
def test_services_that_could_reach_elsewhere_are_refused(acme: Partner, url: str, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        services.check_url(url)


def test_known_services_are_accepted(acme: Partner) -> None:
    assert services.check_url("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/") == "Slack"
    assert services.check_url("tgram://123456789:abcdefg_hijklmnop/12315544/") == "Telegram"
    assert services.check_url("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js/") == "Discord"


def test_service_that_the_provider_allows_is_called(acme: Partner, receiver: Receiver, settings: Any) -> None:
    settings.APPRISE_ALSO = ("json",)
    delivery = tell(kind="apprise", url=receiver.url.replace("http://", "json://"))
    receiver.answers = [500]

    sending.send_due(BASE)
    sending.send_due(BASE, now=later(2))

    assert [body["title"] for body in receiver.bodies()] == [delivery.subject] * 2
    first, second = answers(delivery)
    assert "500" in first
    assert "s3cret" not in first
    assert second == "json took it."


def test_service_of_a_private_network_is_refused_although_its_scheme_is_allowed(acme: Partner, settings: Any) -> None:
    settings.APPRISE_ALSO = ("json",)
    with pytest.raises(Refusal, match="services may not have here"):
        services.check_url("json://10.1.2.3/")


# --- failing, dying, coming back ---


def test_channel_that_dies_is_told_through_the_others_and_its_return_too(
    acme: Partner, globex: Partner, receiver: Receiver, mailbox: Mailbox
) -> None:
    with tenant_context(globex):
        make.make_channel()
    make.make_channel(name="Ops mail", min_severity="critical")
    make.make_event(make.make_alert(severity="minor"))
    tell(name="Hook", url=receiver.url)
    receiver.answers = [500] * DEAD_AFTER
    for minutes in range(0, 120, 20):
        sending.send_due(BASE, now=later(minutes))

    hook = Channel.objects.get(name="Hook")
    assert (hook.state, hook.failures) == ("on", 0)
    words = [mail["Subject"] for mail in mailbox.parsed()]
    assert "The channel Hook does not work" in words
    assert "The channel Hook works again" in words
    with tenant_context(globex):
        assert not Delivery.objects.exists()


def test_a_failing_channel_does_not_hold_up_another_nor_is_it_hammered(
    acme: Partner, receiver: Receiver, mailbox: Mailbox
) -> None:
    make.make_channel(name="Hook", url=receiver.url)
    make.make_channel(name="Mail")
    for _ in range(5):
        make.make_event()
    collecting.collect(BASE)
    receiver.answers = [500] * 9

    counts = sending.send_due(BASE)

    assert (counts.sent, counts.failed) == (5, 1)
    assert len(receiver.calls) == 1
    receiver.answers = []
    sending.send_due(BASE, now=later(2))
    assert len(set(receiver.ids())) == 5
    assert Delivery.objects.exclude(state="sent").count() == 0


def test_after_three_days_it_is_given_up_and_can_be_sent_again(acme: Partner, receiver: Receiver) -> None:
    delivery = tell(url=receiver.url)
    receiver.answers = [500]
    Delivery.objects.update(created_at=timezone.now() - timedelta(days=3, minutes=1))
    sending.send_due(BASE)
    delivery.refresh_from_db()
    assert delivery.state == "failed"

    channels.send_again(OWNER, delivery)
    sending.send_due(BASE)

    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert len({body for _, body in receiver.calls}) == 1
    with pytest.raises(Refusal):
        channels.send_again(OWNER, delivery)


def test_one_message_that_cannot_be_sent_does_not_keep_back_the_others(acme: Partner, mailbox: Mailbox) -> None:
    broken = tell(name="A")
    Delivery.objects.update(recipient="with a\nline break")  # no header can carry it
    tell(name="B")

    counts = sending.send_due(BASE)

    assert (counts.sent, counts.failed) == (1, 1)
    assert answers(broken) == ["An error of the portal stopped this."]


def test_claim_of_a_lost_worker_lapses(acme: Partner, receiver: Receiver) -> None:
    delivery = tell(url=receiver.url)
    Delivery.objects.update(claimed_until=timezone.now() + CLAIM)
    DeliveryAttempt.objects.create(delivery=delivery)

    assert sending.send_due(BASE).sent == 0
    assert sending.send_due(BASE, now=lambda: timezone.now() + CLAIM + timedelta(seconds=1)).sent == 1
    assert list(delivery.attempts.values_list("outcome", flat=True)) == ["", "sent"]


def test_switching_off_forgets_what_was_waiting(acme: Partner, receiver: Receiver) -> None:
    tell(url=receiver.url)
    channel = Channel.objects.get()
    before = audit.snapshot(channel)
    channel.enabled = False
    channels.save_channel(OWNER, channel, before)

    assert sending.send_due(BASE).sent == 0
    assert receiver.calls == []
    with pytest.raises(Refusal, match="switched off"):
        channels.test(OWNER, channel)


def test_test_message_is_sent_once(acme: Partner, receiver: Receiver) -> None:
    receiver.answers = [500]
    channel = make.make_channel(url=receiver.url)
    (delivery,) = channels.test(OWNER, channel)

    sending.send_due(BASE, delivery.message)
    sending.send_due(BASE, now=later(60))

    delivery.refresh_from_db()
    assert (delivery.state, answers(delivery)) == ("failed", ["500 no"])
    assert receiver.bodies()[0]["type"] == "test"


def test_unsubscribing_once_is_enough_and_only_for_that_channel(acme: Partner, mailbox: Mailbox) -> None:
    tell(recipients=["ops@acme.example", "boss@acme.example"])
    other = make.make_channel()
    channel = Channel.objects.exclude(pk=other.pk).get()

    for _ in range(2):
        channels.unsubscribe(str(channel.uuid), "ops@acme.example")
    make.make_event()
    collecting.collect(BASE)
    sending.send_due(BASE)

    assert sorted(mail["To"] for mail in mailbox.parsed()) == [
        "boss@acme.example",
        "boss@acme.example",
        "ops@acme.example",
    ]
    assert AuditEntry.objects.get().actor == "ops@acme.example"


def test_old_deliveries_are_pruned_and_waiting_ones_kept(acme: Partner, settings: Any) -> None:
    settings.DELIVERY_DAYS = 10
    old = timezone.now() - timedelta(days=11)
    sent, waiting, new = (tell() for _ in range(3))
    Delivery.objects.exclude(pk=waiting.pk).update(state="sent")
    Delivery.objects.exclude(pk=new.pk).update(created_at=old)
    DeliveryAttempt.objects.create(delivery=sent)

    assert retention.prune() >= 1
    assert not Delivery.objects.filter(pk=sent.pk).exists()
    assert Delivery.objects.filter(pk__in=[waiting.pk, new.pk]).count() == 2
