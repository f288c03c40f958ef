"""HTTP, for the actions that speak it.

`exchange` is one request and its answer, within limits and with errors sorted by whether anything was
executed; `api` is a system's JSON API on top of it; the others are parts of a request or of an answer.
"""
