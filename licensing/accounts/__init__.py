"""This app keeps license servers, the smart accounts that are read through them, and their credentials."""
