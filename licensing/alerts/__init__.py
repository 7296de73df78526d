"""Alerts: what each kind of rule finds, opening and closing, taking one into one's care, and the rules themselves."""

from licensing.alerts.care import acknowledge, comment, own, snooze
from licensing.alerts.evaluation import Evaluation, evaluate
from licensing.alerts.overages import take_care

__all__ = ["Evaluation", "acknowledge", "comment", "evaluate", "own", "snooze", "take_care"]
