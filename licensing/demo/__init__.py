"""The two demo partners, their history, and the command that starts the emulator."""
