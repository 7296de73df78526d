"""The one protocol for writes to Cisco, over real HTTP: sent once, read back, decided."""

import pytest

from licensing.cisco.client import CssmClient
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.errors import CssmRefused, CssmUnavailable
from licensing.cisco.types import AccountRef
from licensing.cisco.write_back import Finding, Verdict, Words, found, write, write_and_verify

ACME = AccountRef("acme.example")
WORDS = Words("It is not listed.", "Whether it was made is not known.", "Look at the list.", "Try again.")


@pytest.fixture(autouse=True)
def account(emulator: EmulatorThread) -> None:
    emulator.state.add("acme.example", "Acme")


class Creation:
    """Makes a virtual account, and counts how often it was sent and read back."""

    def __init__(self, client: CssmClient, name: str = "New") -> None:
        self.client, self.name, self.sent, self.looks = client, name, 0, 0

    def send(self) -> None:
        self.sent += 1
        self.client.create_virtual_account(ACME, self.name)

    def read_back(self) -> Finding[str]:
        self.looks += 1
        names = [row.name for page in self.client.virtual_accounts(ACME) for row in page.items]
        return found(self.name if self.name in names else None)


@pytest.mark.parametrize("scenario", ["none", "lost-answers"])
def test_the_listing_proves_what_was_done(client: CssmClient, emulator: EmulatorThread, scenario: str) -> None:
    creation = Creation(client)
    emulator.scenario(scenario)

    assert write_and_verify(creation.send, creation.read_back, WORDS) == "New"
    assert (creation.sent, creation.looks) == (1, 1)


def test_a_lost_write_is_looked_for_and_not_sent_again(client: CssmClient, emulator: EmulatorThread) -> None:
    creation = Creation(client)
    emulator.scenario("lost-writes")

    outcome = write(creation.send, creation.read_back, looks=3)
    with pytest.raises(CssmUnavailable, match=r"It is not listed\.") as failure:
        write_and_verify(creation.send, creation.read_back, WORDS)

    assert (outcome.finding.verdict, outcome.answer.said_done) == (Verdict.NOT_DONE, False)
    assert (creation.sent, creation.looks, failure.value.next_step) == (2, 4, "Try again.")


def test_a_refused_call_is_believed_or_verified(client: CssmClient) -> None:
    creation = Creation(client, "DEFAULT")  # there already, so a listing would take it for made

    with pytest.raises(CssmRefused):
        write_and_verify(creation.send, creation.read_back, WORDS)
    looks = creation.looks
    outcome = write(creation.send, creation.read_back, looks=3, verify_refusals=True)

    assert (looks, creation.looks, outcome.finding.evidence) == (0, 1, "DEFAULT")
    assert outcome.answer.refused is not None


def test_a_write_that_cannot_be_read_back_is_said_to_be_unknown(client: CssmClient, emulator: EmulatorThread) -> None:
    creation = Creation(client)

    def send() -> None:
        creation.send()
        emulator.scenario("no-role")  # even a refusal to list says nothing about the write

    with pytest.raises(CssmUnavailable, match=r"Whether it was made is not known\.") as failure:
        write_and_verify(send, creation.read_back, WORDS)

    assert (creation.sent, failure.value.next_step) == (1, "Look at the list.")


def test_a_listing_that_fits_neither_is_unknown_too(client: CssmClient) -> None:
    creation = Creation(client)

    with pytest.raises(CssmUnavailable, match=r"Cisco answered that it was done\. Whether it was made is not known"):
        write_and_verify(creation.send, lambda: Finding(Verdict.UNCLEAR), WORDS)
