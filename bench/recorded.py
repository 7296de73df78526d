"""Cisco's answers as bytes, made once from a seed, and a server that does nothing but hand them out.

python -m bench.recorded FILE      serves FILE (a pickle of answers) and prints its port
"""

import asyncio
import json
import pickle
import random
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from licensing.cisco.emulator.server import devices, licenses, virtual_accounts
from licensing.cisco.emulator.server import tokens as list_tokens
from licensing.cisco.emulator.state import Account
from licensing.cisco.transport import ServerConfig

DOMAIN = "bench.example"
PAGE_SIZE: int = ServerConfig("cloud", "", "", "", "").page_size
Answers = dict[tuple[str, int], bytes]


@dataclass(frozen=True)
class Size:
    pools: int
    licenses_per_pool: int
    instances: int
    usage_per_instance: int = 3


FULL = Size(40, 30, 10_000)
TENTH = Size(4, 30, 1_000)
TEN_TIMES = Size(40, 30, 100_000)


def make_account(size: Size, seed: int = 1) -> Account:
    chance = random.Random(seed)
    account = Account(DOMAIN, "Bench")
    names = [f"UC Manager License {number:02d} (12.x)" for number in range(size.licenses_per_pool)]
    for place in range(size.pools):
        account.add_pool(f"Pool {place:02d}", "A pool")
        account.add_token(f"Pool {place:02d}", "A token", 30)
        for name in names:
            account.set_license(f"Pool {place:02d}", name, quantity=500, inUse=300, licenseDetails=[_line(chance)])
    for number in range(size.instances):
        usage = {name: chance.randint(1, 90) for name in chance.sample(names, size.usage_per_instance)}
        account.add_device(
            f"Pool {number % size.pools:02d}", f"{number:06x}", usage, hostName=f"cucm-{number}.c.example"
        )
    return account


def _line(chance: random.Random) -> dict[str, object]:
    """A term of three years, somewhere in it: about one in twelve ends soon enough for an alert."""
    start = datetime.now(UTC).date() - timedelta(days=chance.randrange(3 * 365))
    return {
        "licenseType": "TERM",
        "quantity": 500,
        "startDate": start.isoformat(),
        "endDate": (start + timedelta(days=3 * 365)).isoformat(),
        "subscriptionId": f"Sub{chance.randint(100000, 999999)}",
        "status": "ACTIVE",
    }


def change_one_percent(account: Account) -> None:
    """Change the usage and host name of product instances."""
    for number, device in enumerate(account.devices):
        if number % 100 == 7:
            device["hostName"] += ".changed"
            device["licenseUsage"][0]["quantity"] += 1


def record(account: Account, prefix: str) -> Answers:
    """(path, offset) -> body, for every call that reading the account takes."""
    base = f"{prefix}/v1/accounts/{DOMAIN}"
    answers = {(f"{base}/customer/virtual-accounts", 0): _bytes(virtual_accounts(account, {}, {}))}
    for member, listing, rows in (("licenses", licenses, account.licenses), ("devices", devices, account.devices)):
        for offset in range(0, len(rows), PAGE_SIZE):
            body = {"limit": PAGE_SIZE, "offset": offset}
            answers[f"{base}/{member}", offset] = _bytes(listing(account, {}, body))
    for pool in account.virtual_accounts:
        path = f"{base}/virtual-accounts/{quote(pool['name'], safe='')}/tokens"
        answers[path, 0] = _bytes(list_tokens(account, {"pool": pool["name"]}, {}))
    answers[f"{base}/alerts", 0] = _bytes({"alerts": [], "totalRecords": 0, "status": "SUCCESS"})
    answers["/token", 0] = _bytes({"access_token": "t", "token_type": "Bearer", "expires_in": 3599})
    return answers


def _bytes(value: object) -> bytes:
    return json.dumps(value).encode()


class Served:
    """A process that serves the answers; `url` is its origin."""

    def __init__(self, answers: Answers, folder: Path) -> None:
        file = folder / "answers.pickle"
        file.write_bytes(pickle.dumps(answers))
        command = [sys.executable, "-m", "bench.recorded", str(file)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


class _Connection(asyncio.Protocol):
    """Speak as little HTTP as works: one request at a time, headers and body by length."""

    answers: Answers = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        if len(body) < length:
            return
        self.received = b""
        path = head.split(b" ", 2)[1].decode()
        offset = json.loads(body).get("offset", 0) if body.startswith(b"{") else 0
        answer = self.answers[path, offset]
        header = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
        self.transport.write(header + answer)  # type: ignore[attr-defined]


async def _serve(answers: Answers) -> None:
    _Connection.answers = answers
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(pickle.loads(Path(sys.argv[1]).read_bytes())))  # noqa: S301 - written by this module
