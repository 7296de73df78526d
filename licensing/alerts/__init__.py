"""What to watch, what was found, and the clock of a license that is out of compliance."""
