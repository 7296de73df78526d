"""Alerts: what each kind of rule finds, opening and closing, and taking one into one's care."""

from licensing.alerts.acknowledgement import acknowledge
from licensing.alerts.evaluation import Evaluation, evaluate
from licensing.alerts.overages import take_care

__all__ = ["Evaluation", "acknowledge", "evaluate", "take_care"]
