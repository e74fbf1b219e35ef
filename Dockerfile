FROM python:3.13-slim AS builder
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY mock_server mock_server
COPY docs docs
COPY fixtures fixtures
COPY scenarios scenarios
# The pip of the outer Python installs, so that the environment has no pip. Compiled here for a faster start.
RUN python -m venv --without-pip /opt/venv \
 && pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check '.[replicas]' \
 && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

FROM python:3.13-slim
# A fixed user id for the owner of volumes, and a home folder for the cache between two starts.
RUN useradd --uid 10001 --user-group --create-home --shell /usr/sbin/nologin mock
COPY --from=builder /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MOCK_SERVER_HOST=0.0.0.0 \
    MOCK_SERVER_CONTROL_OPEN=true
USER 10001:10001
WORKDIR /home/mock
# A volume gets the owner of this folder. Other containers can read the certificate from such a volume.
RUN mkdir -p .cache/mock-server/tls
EXPOSE 8080
STOPSIGNAL SIGTERM
# No --start-interval: Docker before 25 and Buildah before 2025 cannot build it.
HEALTHCHECK --interval=2s --timeout=3s --start-period=10s --retries=3 CMD ["mock-server", "healthcheck"]
ENTRYPOINT ["mock-server"]
CMD ["serve"]
# `make image` and the release set version and revision; the release also adds the address of the source.
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dossiers-mock-server" \
      org.opencontainers.image.description="A sandbox of the e-Attestations (Aprovall) dossiers REST API" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.licenses="MIT"
