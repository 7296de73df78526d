"""Rules, the alerts they open, and the clock of a license that is out of compliance."""
