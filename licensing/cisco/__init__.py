"""This package is the client of CSSM, cloud and On-Prem. It does not use Django. Facts: docs/cisco-api.md."""
