"""The application: reads as a table of contents."""

from __future__ import annotations

from functools import cache, partial

from flask import Flask

from mock_server.api.accounts import accounts
from mock_server.api.documents import documents
from mock_server.api.dossiers import dossiers
from mock_server.api.processes import processes
from mock_server.api.thirdparties import thirdparties
from mock_server.auth.certificates import tls_of
from mock_server.auth.tokens import TokenService
from mock_server.clock import real_now
from mock_server.control.health import health
from mock_server.dialects import DIALECTS
from mock_server.domain.operations import API_PATH
from mock_server.fixtures import Fixture, load_fixture
from mock_server.fixtures.invention import invented_company
from mock_server.fixtures.library import bundled
from mock_server.journal import Limits
from mock_server.sandbox import SandboxConfig, Sandboxes
from mock_server.scenarios import FixtureFinder, ScenarioSetup, load_scenario_setup
from mock_server.scenarios.library import scenario_path
from mock_server.settings import CONTROL_PREFIX, Settings
from mock_server.watching import Watch
from mock_server.web import access_log, contract_check, errors, published, services
from mock_server.web.pipeline import Dispatcher
from mock_server.web.services import Services
from mock_server.web.token_endpoint import openid


def create_app(settings: Settings) -> Dispatcher:
    """The sandbox as a WSGI application, its fixture loaded.

    Raises:
        FileError: the fixture or the scenario is missing or wrong; the message names file and line.
        KeyFileError: the signing key cannot be used.
        TlsError: nor can what was told about HTTPS.
    """
    shared = _services(settings)
    app = Dispatcher(settings.dialect, cache(partial(_control, shared)))
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # another method is a 405, whichever
    shared.sandboxes.get()  # its world is made now, not when the first request waits for it
    services.install(app, shared)
    app.register_blueprint(openid)
    for name, dialect in DIALECTS.items():
        for resource in (accounts, thirdparties, dossiers, documents, processes):
            app.register_blueprint(
                resource,
                name=f"{name}_{resource.name}",
                url_prefix=f"/{name}{API_PATH}",
                url_defaults={"dialect": dialect},
            )
    published.install(app, settings.dialect)
    app.register_blueprint(health, url_prefix=CONTROL_PREFIX)
    errors.install(app)
    if settings.check_responses:
        contract_check.install(app)
    access_log.install(app)
    return app


def _control(shared: Services) -> Flask:
    from mock_server.control.app import create_control

    app = create_control(shared)
    access_log.install(app)
    return app


def _services(settings: Settings) -> Services:
    @cache
    def find_fixture(name: str) -> Fixture:
        return load_fixture(name, real_now().date(), settings.fixtures_dir)

    config = _sandbox_config(settings, find_fixture)
    return Services(
        settings=settings,
        sandboxes=Sandboxes(
            config,
            limit=settings.max_sandboxes,
            idle=settings.sandbox_idle,
            users=_setups_of_users(settings, config.setup.fixture, find_fixture),
        ),
        find_fixture=find_fixture,
        tokens=TokenService(
            key_file=settings.signing_key,
            access_lifetime=settings.access_token_lifetime,
            refresh_lifetime=settings.refresh_token_lifetime,
        ),
        started=real_now(),
        tls=tls_of(settings),
    )


def _setups_of_users(
    settings: Settings, fixture: Fixture, find_fixture: FixtureFinder
) -> dict[str, ScenarioSetup]:
    """What plays in the sandboxes of users whose entry in the fixture names a scenario."""
    now = settings.clock or real_now()
    return {
        user.username: load_scenario_setup(
            scenario_path(user.scenario, settings.scenarios_dir), fixture, find_fixture, now
        )
        for user in fixture.made.recipe.users
        if user.scenario is not None
    }


def scenario_watch(app: Flask) -> Watch:
    """What plays scenario files of the app anew as they change."""
    shared: Services = services.of(app)
    setups = shared.sandboxes.setups
    folders = [setup.path.parent for setup in setups if setup.path is not None]
    own = shared.settings.scenarios_dir
    return Watch(
        shared.sandboxes,
        shared.find_fixture,
        [*folders, *([own] if own else []), bundled("scenarios")],
        shared.settings.clock,
    )


def _sandbox_config(settings: Settings, find_fixture: FixtureFinder) -> SandboxConfig:
    fixture = find_fixture(settings.fixture)
    setup = ScenarioSetup(fixture)
    if settings.scenario is not None:
        path = scenario_path(settings.scenario, settings.scenarios_dir)
        setup = load_scenario_setup(path, fixture, find_fixture, settings.clock or real_now())
    return SandboxConfig(
        setup=setup,
        invent=invented_company,
        clock=settings.clock,
        variants=settings.variants,
        import_duration=settings.import_duration,
        journal=Limits(settings.journal_entries, settings.journal_bytes),
    )
