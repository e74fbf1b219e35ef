"""How often a property is tried: a little in `make test`, for long in `make soak`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_SHORT = 100
"""Examples of the profile `short`; another profile tries as many times more, of each property."""


def register_profiles() -> None:
    """Let there be `short`, in force unless another is chosen, and `soak` (`--hypothesis-profile=soak`)."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    settings.register_profile("short", deadline=None, max_examples=_SHORT)
    settings.register_profile(
        "soak", deadline=None, max_examples=20 * _SHORT, print_blob=True, suppress_health_check=slow
    )
    settings.load_profile("short")


def rounds(examples: int, *, steps: int = 50) -> settings:
    """So many examples in the profile `short`, and in proportion in others; `steps` of a state machine."""
    chosen = settings()
    longer = 2 if chosen.max_examples > _SHORT else 1
    return settings(
        chosen, max_examples=examples * chosen.max_examples // _SHORT, stateful_step_count=steps * longer
    )
