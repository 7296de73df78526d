"""This package emulates Cisco's API over real HTTP, for tests, demo and practice (docs/emulator.md)."""

from licensing.cisco.emulator.scenarios import SCENARIOS
from licensing.cisco.emulator.server import CLIENT_ID, CLIENT_SECRET, EmulatorThread, PortInUse, run_emulator
from licensing.cisco.emulator.state import Account, State

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "SCENARIOS", "Account", "EmulatorThread", "PortInUse", "State", "run_emulator"]
