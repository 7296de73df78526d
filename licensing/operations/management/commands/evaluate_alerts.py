"""One evaluation of a partner's alert rules."""

import time
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from licensing.alerts import evaluation as alerts
from tenants.commands import PartnerCommand


class Command(PartnerCommand):
    help = "Evaluates a partner's alert rules once: opens and closes alerts."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--json", action="store_true", help="Answer in JSON on standard output.")

    def handle_partner(self, **options: Any) -> None:
        began = time.monotonic()
        evaluation = alerts.evaluate()
        seconds = round(time.monotonic() - began, 3)
        if options["json"]:
            self.answer({**asdict(evaluation), "seconds": seconds})
        else:
            self.say(f"{evaluation.opened} opened, {evaluation.closed} closed, {evaluation.open} open ({seconds} s).")
