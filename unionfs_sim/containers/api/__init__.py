"""
Docker's HTTP API before an engine: for the real client, the SDK, and every other one.

What comes in is a `call.Call`; a table of routes finds what answers it; streams and
hijacked connections are as Docker's are.  Only `connection` and `server` know HTTP.
"""
