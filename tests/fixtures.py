"""An account at the emulator, and its row at the portal."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.transaction import Atomic

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from tenants.models import Partner
from tests.factories import make_server, make_smart_account
from tests.receivers import Mailbox, Receiver, mail_server, web_server
from tests.wire import term_line

ENHANCED, BASIC = "UC Manager Enhanced License (12.x)", "UC Manager Basic License  (12.x)"


@pytest.fixture
def cisco(emulator: EmulatorThread) -> Account:
    """Two pools, three licenses, three product instances and one token: nine rows."""
    cisco = emulator.state.add("acme.example", "Acme")
    cisco.add_pool("R&D / Lab")
    term = term_line(10)
    forever = {**term, "licenseType": "PERPETUAL", "startDate": None, "endDate": None, "subscriptionId": None}
    cisco.set_license("DEFAULT", ENHANCED, quantity=20, inUse=7, licenseDetails=[term, forever])
    cisco.set_license("DEFAULT", BASIC, quantity=5, inUse=9)
    cisco.set_license("R&D / Lab", ENHANCED, quantity=1)
    cisco.add_device("DEFAULT", "00001", {ENHANCED: 3, BASIC: 9}, hostName="cucm-1.harbor.example")
    cisco.add_device("DEFAULT", "00002", {ENHANCED: 4})
    cisco.add_device("R&D / Lab", "00003", {ENHANCED: 0, "Not listed License": 2})
    cisco.add_token("R&D / Lab", "lab", 30)
    return cisco


def account_of(emulator: EmulatorThread, domain: str = "acme.example", **server: object) -> SmartAccount:
    row = make_server(**{"api_base_url": emulator.base_url, "token_url": emulator.token_url, **server})
    return make_smart_account(license_server=row, domain=domain, last_synced_at=None)


@pytest.fixture
def account(acme: Partner, emulator: EmulatorThread) -> SmartAccount:
    return account_of(emulator)


def commit_for_real(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a commit happens when the outermost block inside the test's own transaction ends well."""
    known = len(connection.run_on_commit)  # what the fixtures of the test have left waiting
    register, leave = connection.on_commit, Atomic.__exit__

    def only_the_test() -> bool:
        return all(block._from_testcase for block in connection.atomic_blocks)

    def on_commit(act: Callable[[], object], robust: bool = False) -> None:
        if only_the_test():
            act()
        else:
            register(act, robust)

    def leave_block(block: Atomic, *error: Any) -> None:
        leave(block, *error)
        if only_the_test():
            waiting = connection.run_on_commit[known:]
            del connection.run_on_commit[known:]
            for _, act, _ in waiting:
                act()

    monkeypatch.setattr(connection, "on_commit", on_commit)
    monkeypatch.setattr(Atomic, "__exit__", leave_block)


@pytest.fixture
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker address on which nobody answers, met at each commit as in production (see `commit_for_real`)."""
    from portal.celery import app

    commit_for_real(monkeypatch)

    for name in ("broker_write_url", "broker_url"):
        monkeypatch.setattr(app.conf, name, "redis://127.0.0.1:1/0")
    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    """The portal's mail server, for this test."""
    with mail_server() as mailbox:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mailbox.port
        yield mailbox


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with web_server() as receiver:
        yield receiver
