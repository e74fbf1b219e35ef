"""Compare another environment with a sandbox: send the same requests to both and report the differences."""
