"""This app furnishes two demo partners with a history, and starts the emulator."""
