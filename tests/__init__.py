"""The tests: black box over HTTP wherever a client could see it, the pure domain apart."""
