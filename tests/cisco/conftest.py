"""A client of the emulator's cloud, with pages small enough that every listing has several."""

from collections.abc import Iterator

import pytest

from licensing.cisco.client import CssmClient
from licensing.cisco.emulator.server import CLIENT_ID, CLIENT_SECRET, EmulatorThread
from licensing.cisco.transport import ServerConfig


@pytest.fixture
def config(emulator: EmulatorThread) -> ServerConfig:
    return ServerConfig(
        "cloud",
        emulator.base_url,
        emulator.token_url,
        CLIENT_ID,
        CLIENT_SECRET,
        allow_http=True,
        allowed_networks=("127.0.0.0/8",),
        page_size=10,
        read_seconds=5,
    )


@pytest.fixture
def client(config: ServerConfig) -> Iterator[CssmClient]:
    with CssmClient(config) as client:
        yield client
