# One image: the workers, the migration job and every other word of `sadd`.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY ratelimit ratelimit
COPY cache cache
COPY queueing queueing
COPY platform platform
COPY loadtests loadtests
COPY benchmarks benchmarks
COPY k8s/runtime_lock.py k8s/runtime_lock.py
# Everything, to build the wheel and to learn what the running platform needs of the one lock file.
RUN python -m venv /build \
 && /build/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && /build/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /build/bin/python k8s/runtime_lock.py requirements.lock > runtime.lock \
 && /build/bin/python -m build --wheel --no-isolation --outdir /dist .
RUN python -m venv /opt/sadd \
 && /opt/sadd/bin/pip install --no-cache-dir --require-hashes -r runtime.lock \
 && /opt/sadd/bin/pip install --no-cache-dir --no-deps /dist/*.whl

FROM python:3.11-slim-bookworm
COPY --from=build /opt/sadd /opt/sadd
ENV PATH=/opt/sadd/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SADD_SERVER_HOST=0.0.0.0 \
    SADD_SERVER_PORT=8080 \
    SADD_DATA_DIR=/run/sadd
# A number, so that runAsNonRoot can be verified without looking into the image.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["sadd"]
CMD ["up"]
