"""An emulator of Cisco's API over real HTTP, for tests, demo and practice. docs/emulator.md says what is known."""

from licensing.cssm.emulator.scenarios import SCENARIOS
from licensing.cssm.emulator.server import CLIENT_ID, CLIENT_SECRET, EmulatorThread, PortInUse, run_emulator
from licensing.cssm.emulator.state import Account, State

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "SCENARIOS", "Account", "EmulatorThread", "PortInUse", "State", "run_emulator"]
