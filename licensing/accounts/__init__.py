"""Where licenses are kept: license servers, the smart accounts read through them, and their credentials."""
