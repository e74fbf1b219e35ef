"""The business: what a dossier is, what may be done with it, and why not.

Pure. Nothing here knows Flask, JSON, files or the time of day: `now` is an argument, and every command takes
a world (an immutable value) and gives the next one.
"""
