"""How often a property is tried: a little in `make test`, for long in `make soak`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_QUICK = 100
"""Examples of the profile `quick`; another profile tries as many times more, of each property."""


def register_profiles() -> None:
    """Let there be `quick`, in force unless another is chosen, and `soak` (`--hypothesis-profile=soak`)."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    settings.register_profile("quick", deadline=None, max_examples=_QUICK)
    settings.register_profile(
        "soak", deadline=None, max_examples=20 * _QUICK, print_blob=True, suppress_health_check=slow
    )
    settings.load_profile("quick")


def rounds(examples: int, *, steps: int = 50) -> settings:
    """So many examples in the profile `quick`, and in proportion in others; `steps` of a state machine."""
    chosen = settings()
    longer = 2 if chosen.max_examples > _QUICK else 1
    return settings(
        chosen, max_examples=examples * chosen.max_examples // _QUICK, stateful_step_count=steps * longer
    )
