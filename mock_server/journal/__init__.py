"""The journal: recorded exchanges within bounds, their counts, verification and explanations.

This package knows the API's names but not HTTP servers. What records is in `journal`, `coverage`, `hints` and
`redaction`; the other modules read.
"""
