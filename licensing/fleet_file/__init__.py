"""The whole fleet as one CSV file, one line per node: written, read, looked through before anything is imported."""
