# The base image, by digest: what a tag names changes without a trace. To take a newer one, write its digest here, or
#   docker build --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:… .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

# Build: everything into one virtual environment. A file whose hash is not in infra/*requirements.txt is not installed,
# whoever serves it; and only wheels are, so that no package runs code of its own while it is installed.
FROM ${PYTHON_IMAGE} AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ONLY_BINARY=:all:
WORKDIR /source
COPY infra/requirements.txt infra/build-requirements.txt infra/
RUN python -m venv --without-pip /opt/anabranch \
    && pip --python /opt/anabranch/bin/python install --no-cache-dir --no-deps --require-hashes \
        -r infra/requirements.txt \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r infra/build-requirements.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY anabranch anabranch
COPY eventlog eventlog
COPY batch batch
COPY speed speed
COPY serving serving
COPY infra infra
RUN /opt/build/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/anabranch/bin/python install --no-cache-dir --no-deps --no-index /wheels/*.whl \
    && pip --python /opt/anabranch/bin/python check

# Run: no compiler, no pip, no root. LightGBM needs the OpenMP library of the system, which Debian has signed.
FROM ${PYTHON_IMAGE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 anabranch \
    && useradd --uid 10001 --gid anabranch --no-create-home --home-dir /data --shell /usr/sbin/nologin anabranch \
    && install --directory --owner=anabranch --group=anabranch --mode=0700 /data \
    && install --directory --owner=anabranch --group=anabranch /app
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
