"""Cisco's side: the client of CSSM (cloud and On-Prem). Knows nothing of Django; facts: cssm-api, as cited."""
