"""`manage.py cssm_emulator`: what it refuses, and that it serves an account of the size and seed asked for."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from licensing.cisco.emulator.data import generate
from licensing.cisco.emulator.state import State


@pytest.mark.parametrize(
    ("options", "message", "status"),
    [
        (["--scenario", "nonsense"], "Unknown scenario. Choose one of: none, latency", 2),
        (["--instances", "-3"], "--instances must be 0 or more", 2),
    ],
)
def test_bad_options_are_refused(options: list[str], message: str, status: int) -> None:
    with pytest.raises(CommandError, match=message) as refusal:
        call_command("cssm_emulator", "--port", "1", *options)

    assert refusal.value.returncode == status


def test_port_in_use_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CommandError, match="is in use") as refusal:
            call_command("cssm_emulator", "--port", str(taken.getsockname()[1]))

    assert refusal.value.returncode == 1


def test_account_of_the_size_and_seed_is_served() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["manage.py", "cssm_emulator", "--port", str(port), "--instances", "60", "--seed", "7"]
    process = subprocess.Popen([sys.executable, *command], cwd=settings.BASE_DIR)
    try:
        found = state_of(port)
    finally:
        process.kill()
        process.wait()

    same = generate(State(), "big.example", instances=60, seed=7)
    other = generate(State(), "big.example", instances=60, seed=8)
    assert found["big.example"]["devices"] == same.devices != other.devices


def state_of(port: int) -> Any:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_emulator/state") as answer:
                return json.load(answer)
        except OSError:
            time.sleep(0.1)
    raise AssertionError("The emulator did not start.")
