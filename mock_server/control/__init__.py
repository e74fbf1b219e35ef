"""The control API under `/__admin`: calls with which a test controls its sandbox; not the vendor's API.

Errors are problem+json (RFC 9457) that say what is wrong and what is allowed. `app` creates it as a separate
Flask application at the first control call, so that the start does not wait for it.
"""
