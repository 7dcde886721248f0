# One file, two images: for CUDA by default; for a plain CPU, small, with
#   --build-arg LOCK=requirements-cpu.lock
# and either with optional parts of the service, by the names of pyproject.toml's extras:
#   --build-arg EXTRAS="tracing scale"
# CUDA's libraries come with the lock file, so both have the same base, and with it the Python that
# the tests run on. The driver comes from the host.
ARG BASE=debian:bookworm-slim

# hadolint ignore=DL3006
FROM ${BASE} AS dependencies
# Whatever the base's release has: pinned versions vanish from its archive.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-venv
ARG LOCK=requirements-gpu.lock
ARG EXTRAS=
COPY requirements-cpu.lock requirements-gpu.lock requirements-scale.lock requirements-tracing.lock /build/
WORKDIR /build
RUN python3 -m venv /opt/captions \
    && set -- -r "${LOCK}" \
    && for extra in ${EXTRAS}; do set -- "$@" -r "requirements-${extra}.lock"; done \
    && /opt/captions/bin/pip install --no-cache-dir --no-deps --require-hashes "$@" \
    && /opt/captions/bin/pip uninstall -y pip setuptools \
    # OpenVINO runs on the processor only; these are for Intel's GPUs and NPUs.
    && rm /opt/captions/lib/python3*/site-packages/openvino/libs/libopenvino_intel_[gn]pu_plugin.so \
        /opt/captions/lib/python3*/site-packages/openvino/libs/cache.json

# hadolint ignore=DL3006
FROM ${BASE}
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*
COPY --from=dependencies /opt/captions /opt/captions
COPY model_artifacts /app/model_artifacts
COPY deploy/__init__.py /app/deploy/
COPY deploy/ray /app/deploy/ray
COPY service /app/service
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Photo captioning service" \
      org.opencontainers.image.description="A photo in, ranked captions out" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# NVIDIA's container toolkit adds the driver's libraries for these where a GPU is asked for.
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PATH=/opt/captions/bin:/usr/bin:/bin \
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
