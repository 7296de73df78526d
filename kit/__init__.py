"""What every app uses and that knows no subject."""
