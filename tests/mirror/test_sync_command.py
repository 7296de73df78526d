"""`manage.py sync`: JSON alone on standard output, and the exit status that goes with it."""

import json
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import SyncRun
from licensing.mirror.sync import runs
from licensing.mirror.sync import runs as sync
from tests.fixtures import account_of

NO_CHANGE = {"created": 0, "changed": 0, "gone": 0, "back": 0, "unchanged": 0}


def run_command(*arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    out, err = StringIO(), StringIO()
    status = 0
    try:
        call_command("sync", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        status = error.returncode
        err.write(str(error))
    except SystemExit as end:
        status = int(end.code or 0)
    return status, out.getvalue(), err.getvalue()


def test_all_accounts_are_synced(account: SmartAccount, cisco: Account, emulator: EmulatorThread) -> None:
    emulator.state.add("second.example", "Second")
    account_of(emulator, "second.example")

    status, out, err = run_command("acme", "--json")

    answer = json.loads(out)
    assert status == 0
    assert [{**run, "seconds": 0} for run in answer["runs"]] == [
        {
            "smart_account": "acme.example",
            "status": "succeeded",
            "cause": "",
            "seconds": 0,
            "counts": {**NO_CHANGE, "created": 9},
        },
        {
            "smart_account": "second.example",
            "status": "succeeded",
            "cause": "",
            "seconds": 0,
            "counts": {**NO_CHANGE, "created": 1},
        },
    ]
    assert answer["seconds"] >= sum(run["seconds"] for run in answer["runs"])
    assert err.startswith("acme.example: 9 created, 0 changed, 0 gone, 0 back, 0 unchanged (")


def test_one_account_is_synced_and_words_stay_off_standard_output(account: SmartAccount, cisco: Account) -> None:
    make_nothing_else = SmartAccount.objects.create(license_server=account.license_server, domain="other.example")

    status, out, _ = run_command("acme", "--smart-account", "ACME.example")

    assert (status, out) == (0, "")
    assert SyncRun.objects.filter(smart_account=make_nothing_else).count() == 0


def test_failed_sync_is_status_1_with_its_cause(account: SmartAccount) -> None:
    LicenseServer.objects.update(client_secret="")

    status, out, _ = run_command("acme", "--json")

    run = json.loads(out)["runs"][0]
    assert (status, run["status"]) == (1, "failed")
    assert run["cause"].startswith("Cisco's side refused the client ID or secret. ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "There is no partner 'nobody'."),
        (["provider"], "There is no partner 'provider'."),
        (["acme", "--smart-account", "no.example"], "There is no smart account 'no.example'."),
    ],
)
def test_unknown_names_are_status_2(account: SmartAccount, arguments: list[str], message: str) -> None:
    assert run_command(*arguments, "--json") == (2, "", message)


def test_paused_account_is_left_out_and_refused_by_name(account: SmartAccount) -> None:
    SmartAccount.objects.update(paused_at=timezone.now())

    everything = run_command("acme", "--json")
    status, _, err = run_command("acme", "--smart-account", "acme.example")

    assert (everything[0], json.loads(everything[1])["runs"]) == (0, [])
    assert (status, err) == (2, "The smart account 'acme.example' is paused. Resume it first.")


def test_sync_that_runs_elsewhere_is_status_1(account: SmartAccount, cisco: Account) -> None:
    other, _ = sync.request(account, "elsewhere")
    SyncRun.objects.filter(pk=other.pk).update(status="running", started_at=timezone.now())
    lock = runs.LOCK.key(str(account.pk)).replace("mirror_", "acme.mirror_")
    with psycopg.connect(**connection.get_connection_params()) as elsewhere:
        elsewhere.execute(f"SELECT pg_advisory_lock({lock})")
        status, out, _ = run_command("acme", "--json")

    run = json.loads(out)["runs"][0]
    assert (status, run["status"], run["cause"]) == (1, "running", "Another sync of this account is running.")
