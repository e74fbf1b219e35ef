"""The business: dossiers, third parties, imports, and the rules of the commands that change them.

Pure functions, without Flask, JSON, files or clocks: `now` is an argument. Each command takes a world, which
is an immutable value, and returns the next one.
"""
