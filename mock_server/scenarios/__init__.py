"""Scenarios: the file format, matching, the active scenario of a sandbox, and the runner.

The server needs `file_format`, `matching`, `active` and `setup`. It imports the modules that read and
validate files at their first use, and the runner never.
"""
