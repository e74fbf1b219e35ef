"""Tokens, the keys that sign them, certificates for HTTPS, and who may call what."""
