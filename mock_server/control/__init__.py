"""The control API under `/__admin`: what a test does to its sandbox, never what the vendor's API does.

Errors are problem+json (RFC 9457) that say what was wrong and what would be right. It is an application of
its own, in `app`, made when the first call comes in: all wait for the start, and many never make such a call.
"""
