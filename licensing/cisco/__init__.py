"""Cisco's side: the client of CSSM (cloud and On-Prem). Knows nothing of Django; facts: docs/cisco-api.md."""
