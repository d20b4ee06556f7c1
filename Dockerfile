# syntax=docker/dockerfile:1

# Build: everything into one virtual environment, from exact versions.
FROM python:3.11-slim-bookworm AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /source
RUN python -m venv /opt/anabranch
COPY constraints.txt pyproject.toml README.md LICENSE NOTICE ./
COPY anabranch anabranch
COPY eventlog eventlog
COPY batch batch
COPY speed speed
COPY serving serving
COPY infra infra
RUN /opt/anabranch/bin/pip install --no-cache-dir -c constraints.txt '.[postgresql]'

# Run: no compiler, no pip cache, no root. LightGBM needs the OpenMP library of the system.
FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 anabranch \
    && useradd --uid 10001 --gid anabranch --no-create-home --home-dir /data --shell /usr/sbin/nologin anabranch \
    && install --directory --owner=anabranch --group=anabranch /data /app
COPY --from=build /opt/anabranch /opt/anabranch
COPY --chown=anabranch:anabranch examples /app/examples
ENV PATH=/opt/anabranch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ANABRANCH_HOME=/data \
    ANABRANCH_APP=/app/examples/bikes.py
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('ANABRANCH_PORT', '8000') + '/healthz', timeout=4)"]
ENTRYPOINT ["anabranch"]
# Listening on every address needs ANABRANCH_API_KEY: the service refuses to start without one.
CMD ["up", "--host", "0.0.0.0"]
