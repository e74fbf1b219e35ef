"""A sandbox of the e-Attestations (now Aprovall) dossiers API, for tests and local development."""

__version__ = "0.2.0"

__all__ = ["__version__"]
