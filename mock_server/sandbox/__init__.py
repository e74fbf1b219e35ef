"""Sandboxes: one isolated state with its clock, rules and journal, and all of them by name."""
