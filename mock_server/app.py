"""The application: reads as a table of contents."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask

from mock_server.api import VIEWS
from mock_server.auth.certificates import tls_of
from mock_server.auth.keys import cache_folder, decode_key, encode_key, load_or_create_key
from mock_server.auth.tokens import TokenService
from mock_server.clock import real_now
from mock_server.control.server_info import get_health
from mock_server.fixtures.fixture import Fixture, load_fixture
from mock_server.fixtures.generate import generate_company
from mock_server.input_errors import StateFileError
from mock_server.journal.journal import Limits
from mock_server.sandbox.sandbox import SandboxOptions
from mock_server.sandbox.sandboxes import Sandboxes
from mock_server.sandbox.state import SandboxConfig
from mock_server.scenarios.setup import ScenarioSetup, check_saved_rules, load_scenario_setup
from mock_server.settings import HEALTH_PATH, Settings
from mock_server.values import EngineUrl
from mock_server.web import authentication, contract, errors, token_endpoint
from mock_server.web.pipeline import Application
from mock_server.web.services import Services

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from mock_server.sandbox.engine import Engine


def create_app(settings: Settings) -> Application:
    """Return the sandbox as a WSGI application, its fixture loaded.

    Raises:
        FileError: the fixture or the scenario is missing or wrong; the message names file and line.
        KeyFileError: the signing key cannot be used.
        TlsError: the certificate or its key cannot be used.
        StateFileError: the file of `--state` cannot be used.
    """
    shared = _services(settings)
    shared.sandboxes.get()  # generate the default one now, not while the first request waits
    app = Application(shared, VIEWS, cache(partial(_control, shared)))
    app.register_blueprint(token_endpoint.openid)
    app.add_url_rule(HEALTH_PATH, "health", get_health)
    contract.install_documents(app, settings.dialect)
    errors.install(app)
    if settings.auth == "off":
        authentication.reject_foreign_pages(app)
    _install_middleware(app, settings)
    return app


def _install_middleware(app: Flask, settings: Settings) -> None:
    """Wrap the app in middleware, where an option asks for it."""
    if settings.cors:
        from mock_server.web.cors import Cors

        app.wsgi_app = Cors(app.wsgi_app, settings.cors)  # type: ignore[method-assign]
    if settings.trust_proxy:
        from werkzeug.middleware.proxy_fix import ProxyFix

        # Not `x_for`: with a forwarded address, any caller could claim to be local.
        hops = settings.trust_proxy
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=0, x_proto=hops, x_host=hops, x_prefix=hops
        )


def _control(shared: Services) -> Flask:
    from mock_server.control.app import create_control

    return create_control(shared)


def _services(settings: Settings) -> Services:
    @cache
    def find_fixture(name: str) -> Fixture:
        fixture = load_fixture(name, real_now().date(), settings.fixtures_dir)
        check_saved_rules(fixture, name)
        return fixture

    def load_scenario(name: str) -> ScenarioSetup:
        from mock_server.scenarios.files import find_scenario  # with PyYAML: most servers load no scenario

        path = find_scenario(name, settings.scenarios_dir)
        return load_scenario_setup(path, fixture, find_fixture, settings.clock or real_now())

    engine, shared_key = _engine(settings)
    tokens = TokenService(
        key_file=settings.signing_key,
        access_lifetime=settings.access_token_lifetime,
        refresh_lifetime=settings.refresh_token_lifetime,
        shared_key=shared_key,
    )
    tokens.make_key_soon()  # in a thread, while the fixture is loaded
    fixture = find_fixture(settings.fixture)
    config = SandboxConfig(
        setup=ScenarioSetup(fixture) if settings.scenario is None else load_scenario(settings.scenario),
        clock=settings.clock,
        variants=settings.variants,
        strict=settings.strict,
    )
    users = fixture.source.recipe.users
    setups = {user.username: load_scenario(user.scenario) for user in users if user.scenario is not None}
    return Services(
        settings=settings,
        sandboxes=_sandboxes(settings, config, engine, setups),
        find_fixture=find_fixture,
        tokens=tokens,
        started=real_now(),
        tls=tls_of(settings),
    )


def _engine(settings: Settings) -> tuple[Engine | None, RSAPrivateKey | None]:
    """Return the engine that replicas share, and its key for tokens; both None without one."""
    if not isinstance(settings.state, EngineUrl):
        if settings.state_password is not None:
            raise StateFileError(
                "--state-password is that of a redis:// URL in --state: give the URL as well"
            )
        return None, None
    if settings.watch:
        raise StateFileError(
            "--watch reloads the files of one replica: it cannot be used with a URL in --state"
        )
    from mock_server.sandbox.replicas import open_engine

    engine, pem = open_engine(
        settings.state, settings.state_password, lambda: encode_key(load_or_create_key(cache_folder()))
    )
    return engine, decode_key(pem, str(settings.state))


def _sandboxes(
    settings: Settings, config: SandboxConfig, engine: Engine | None, users: Mapping[str, ScenarioSetup]
) -> Sandboxes:
    """Return the sandboxes: in memory, in a file, or shared with other replicas.

    `users` has the scenarios of users whose entry in the fixture names one, for their own sandboxes.
    """
    database = None
    if isinstance(settings.state, Path):
        from mock_server.sandbox.state_database import StateDatabase  # SQLite: most servers keep no file

        database = StateDatabase(settings.state)
    options = SandboxOptions(
        # Each import asks for the company, also if an earlier import had the same one.
        invent=lru_cache(1024)(generate_company),
        import_duration=settings.import_duration,
        journal=Limits(settings.journal_entries, settings.journal_bytes),
        history=settings.history_entries,
        limit=settings.max_sandboxes,
        idle=settings.sandbox_idle,
        database=database,
    )
    if engine is not None:
        from mock_server.sandbox.replicas import open_shared

        return open_shared(engine, config, options, users)
    return Sandboxes(config, options, users)
