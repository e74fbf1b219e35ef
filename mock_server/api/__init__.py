"""The emulated API over HTTP: one blueprint per resource, registered once per dialect prefix.

A view parses, asks the sandbox, and lets the dialect render. It has no rules and catches nothing.
"""
