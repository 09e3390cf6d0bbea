# A small image of walletd: no compiler, no root, one volume, and a root file system that may be read-only.
# The same image is every role: `docker run walletd walletd serve --role worker`.

FROM python:3.11-slim AS build
WORKDIR /build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/main.txt requirements/build.txt requirements/
RUN python -m venv /opt/walletd \
    && /opt/walletd/bin/pip install --require-hashes --requirement requirements/main.txt \
    && python -m pip install --require-hashes --requirement requirements/build.txt
COPY . .
RUN python -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
    && /opt/walletd/bin/pip install --no-deps --no-index /wheels/walletd-*.whl \
    && /opt/walletd/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim
RUN groupadd --gid 10001 walletd \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin walletd \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/walletd /opt/walletd
ENV PATH=/opt/walletd/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    WALLETD_DATA_DIR=/data \
    WALLETD_HOST=0.0.0.0 \
    WALLETD_LOG_FORMAT=json
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8080
# Asks the port, or, where a worker or a scheduler runs and there is none, for its sign of life in the volume.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["walletd", "healthcheck"]
CMD ["walletd", "serve"]
