# The image of the controller, and of every other verb but local and demo.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/meshsplit
COPY requirements/build.txt requirements/controller.txt requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/build.txt \
 && pip --python /opt/meshsplit install --no-cache-dir --disable-pip-version-check --require-hashes \
    -r requirements/controller.txt
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY examples/modelmesh-canary examples/modelmesh-canary
COPY meshsplit meshsplit
RUN hatchling build -t wheel -d dist \
 && pip --python /opt/meshsplit install --no-cache-dir --disable-pip-version-check --no-deps dist/*.whl

FROM python:${PYTHON}-slim
COPY --from=build /opt/meshsplit /opt/meshsplit
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A number, so that runAsNonRoot can be checked without reading /etc/passwd; it is "nonroot" elsewhere too.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/opt/meshsplit/bin/meshsplit"]
