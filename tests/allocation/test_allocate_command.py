"""`manage.py allocate`: JSON in, JSON alone out, exit status 2 for what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from licensing.allocation.engine import allocate
from licensing.allocation.management.commands.allocate import MOST, as_json, read_case
from tenants.commands import Refused

ROOT = Path(__file__).resolve().parents[2]
# Nothing listens there: the command must not care.
NO_SERVERS = {"DATABASE_URL": "postgresql://portal@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}


def run(text: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "manage.py", "allocate", *arguments],
        cwd=ROOT,
        env={**os.environ, **NO_SERVERS},
        input=text,
        capture_output=True,
        check=False,
    )


def case(supply: object = None, demand: object = None) -> bytes:
    return json.dumps({"supply": supply or {}, "demand": demand or {}}).encode()


def refusal(text: bytes) -> str:
    with pytest.raises(Refused) as refused:
        read_case(text)
    assert refused.value.returncode == 2
    return str(refused.value)


def test_cisco_example_without_any_server() -> None:
    cuwl, plus = "UC Manager CUWL License (12.X)", "UC Manager Enhanced Plus License (12.x)"

    done = run(case({cuwl: 100}, {cuwl: 10, plus: 50}))

    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == {
        "grants": [
            {"requested": cuwl, "granted": cuwl, "quantity": 10, "rule": "own"},
            {"requested": plus, "granted": cuwl, "quantity": 50, "rule": "hierarchy"},
        ],
        "left": {cuwl: 40},
        "short": {},
    }


def test_refusal_is_one_sentence_on_standard_error_and_status_2() -> None:
    done = run(case({"Coffee": 1}))

    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().count("\n") == 1
    assert '"Coffee" is not a known license' in done.stderr.decode()


def test_unknown_argument_is_refused_with_status_2() -> None:
    done = run(case(), "--frobnicate")

    assert (done.returncode, done.stdout) == (2, b"")


def test_names_are_echoed_as_given() -> None:
    supply, demand = read_case(case({"uc manager  cuwl LICENSE": 2}, {"UCM_basic": 1, "CUC_BasicMessaging": 3}))

    assert as_json(allocate(supply, demand)) == {
        "grants": [
            {"requested": "UCM_basic", "granted": "uc manager  cuwl LICENSE", "quantity": 1, "rule": "hierarchy"}
        ],
        "left": {"uc manager  cuwl LICENSE": 1},
        "short": {"CUC_BasicMessaging": 3},
    }


def test_dual_parenting_is_named() -> None:
    supply, demand = read_case(case({"HCS Cisco UCM Foundation License": 1}, {"UCM_Basic": 1}))

    (grant,) = as_json(allocate(supply, demand))["grants"]

    assert grant["rule"] == "dual_parenting"


@pytest.mark.parametrize("quantity", [0, 1, MOST])
def test_sensible_quantities_are_taken(quantity: int) -> None:
    assert read_case(case({"UCM_CUWL": quantity})) == ({"UCM_CUWL": quantity}, {})


def test_byte_order_mark_is_ignored() -> None:
    assert read_case(b"\xef\xbb\xbf" + case()) == ({}, {})


@pytest.mark.parametrize("side", ["supply", "demand"])
@pytest.mark.parametrize(
    ("quantity", "why"),
    [
        ("-1", "is negative"),
        ("-" + "9" * 5000, "is negative"),
        (str(MOST + 1), "is too large"),
        ("9" * 5000, "is too large"),
        ("1.0", "is not a whole number"),
        ("1e400", "is not a whole number"),
        ('"5"', "is not a whole number"),
        ("true", "is not a whole number"),
        ("null", "is not a whole number"),
        ("[1]", "is not a whole number"),
        ("{}", "is not a whole number"),
    ],
)
def test_quantity_that_cannot_be_is_refused(side: str, quantity: str, why: str) -> None:
    other = "demand" if side == "supply" else "supply"

    message = refusal(f'{{"{side}": {{"UCM_CUWL": {quantity}}}, "{other}": {{}}}}'.encode())

    assert message.startswith(f'{side}: the quantity of "UCM_CUWL" {why}')


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_refused(word: str) -> None:
    assert refusal(f'{{"supply": {{"UCM_CUWL": {word}}}, "demand": {{}}}}'.encode()).startswith(f"{word} is not")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"{'supply': {}}", "is not JSON"),
        (case() + b" {}", "is not JSON"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"[" * 200_000, "is nested too deeply"),
        (b"[]", "is not an object"),
        (b"null", "is not an object"),
        (b'{"supply": {}}', "is not an object"),
        (b'{"supply": {}, "demand": {}, "reserved": {}}', "is not an object"),
    ],
)
def test_input_of_another_shape_is_refused(text: bytes, why: str) -> None:
    assert refusal(text).startswith(f"The input {why}")


@pytest.mark.parametrize("value", ["[]", "1", "null", '"UCM_CUWL"'])
def test_side_that_is_not_an_object_is_refused(value: str) -> None:
    assert refusal(f'{{"supply": {value}, "demand": {{}}}}'.encode()).startswith("supply is not an object")


@pytest.mark.parametrize(
    "text",
    [
        b'{"supply": {}, "supply": {}, "demand": {}}',
        b'{"supply": {"UCM_CUWL": 1, "UCM_CUWL": 1}, "demand": {}}',
    ],
)
def test_repeated_members_are_refused(text: bytes) -> None:
    assert "appears twice in the same object" in refusal(text)


@pytest.mark.parametrize("other", ["ucm_cuwl", "UC Manager CUWL License (12.X)", "UC Manager CUWL License (14.x)"])
def test_two_spellings_of_one_license_on_one_side_are_refused(other: str) -> None:
    assert refusal(case({"UCM_CUWL": 1, other: 1})).startswith(f'supply: "UCM_CUWL" and "{other}" are the same license')


@pytest.mark.parametrize("name", ["", "CUWL", "UCM_CUWL\n\x1b[31m", "\ud800", "x" * 100_000])
def test_unknown_name_is_refused_in_one_short_line(name: str) -> None:
    message = refusal(case({}, {name: 1}))

    assert message.startswith("demand: ")
    assert message.isprintable()
    assert len(message) < 350
