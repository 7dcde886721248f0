# One file, two images: for CUDA by default; for a plain CPU, small, with
#   --build-arg BASE=debian:trixie-slim --build-arg LOCK=requirements-cpu.lock
# BASE is any Debian or Ubuntu with Python 3.11 or newer. CUDA's libraries come with the lock file.
ARG BASE=nvidia/cuda:12.9.1-base-ubuntu24.04

# hadolint ignore=DL3006
FROM ${BASE} AS dependencies
ARG LOCK=requirements-gpu.lock
# Whatever the base's release has: pinned versions vanish from its archive.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-venv
COPY ${LOCK} /build/requirements.lock
RUN python3 -m venv /opt/captions \
    && /opt/captions/bin/pip install --no-cache-dir --no-deps --require-hashes \
        -r /build/requirements.lock \
    && /opt/captions/bin/pip uninstall -y pip setuptools

# hadolint ignore=DL3006
FROM ${BASE}
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*
COPY --from=dependencies /opt/captions /opt/captions
COPY model_artifacts /app/model_artifacts
COPY service /app/service
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Photo captioning service" \
      org.opencontainers.image.description="A photo in, ranked captions out" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/captions/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CAPTION_HOST=0.0.0.0 \
    CAPTION_LOG_FORMAT=json
WORKDIR /app
# Group 0, so that it runs as well under the arbitrary user of a stricter cluster.
USER 10001:0
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-m", "service", "health"]
ENTRYPOINT ["python", "-m", "service"]
