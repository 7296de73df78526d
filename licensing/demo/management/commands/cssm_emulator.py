"""Run the emulator of Cisco's API alone."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from licensing.cisco.emulator.data import generate
from licensing.cisco.emulator.demo import demo_state
from licensing.cisco.emulator.scenarios import SCENARIOS
from licensing.cisco.emulator.server import PortInUse, run_emulator


class Command(BaseCommand):
    help = "Runs the emulator of Cisco's API with the demo's data on 127.0.0.1."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--scenario", default="none", help=f"One of: {', '.join(SCENARIOS)}.")
        parser.add_argument(
            "--instances", type=int, default=0, help="Adds big.example with this many product instances."
        )
        parser.add_argument(
            "--seed", type=int, default=1, help="The seed of big.example; the same seed gives the same account."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["scenario"] not in SCENARIOS:
            raise CommandError(f"Unknown scenario. Choose one of: {', '.join(SCENARIOS)}.", returncode=2)
        if options["instances"] < 0:
            raise CommandError("--instances must be 0 or more.", returncode=2)
        state = demo_state()
        if options["instances"]:
            generate(state, "big.example", instances=options["instances"], seed=options["seed"])
        try:
            run_emulator(state, options["port"], options["scenario"])
        except PortInUse as error:
            raise CommandError(str(error)) from None
