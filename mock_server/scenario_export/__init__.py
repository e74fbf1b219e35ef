"""What a client did in a sandbox, as a scenario file that does it again and expects the same answers."""

from __future__ import annotations

from mock_server.scenario_export.export import export_scenario
from mock_server.scenario_export.given import StateTooLarge
from mock_server.scenario_export.moment import NoSuchStart

__all__ = ["NoSuchStart", "StateTooLarge", "export_scenario"]
