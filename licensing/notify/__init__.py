"""Telling people of alerts: who is to be told what and when, the messages, and their delivery.

collect turns new events into deliveries, send_due sends them; the verbs of channels are in notify.channels.
"""

from licensing.notify.collecting import Collected, anything_new, collect
from licensing.notify.dead import warnings
from licensing.notify.history import prune
from licensing.notify.sending import Sent, send_due

__all__ = ["Collected", "Sent", "anything_new", "collect", "prune", "send_due", "warnings"]
