# syntax=docker/dockerfile:1
# A router: answers callers. docs/images.md says how to build it.

# Without a digest there is no image: a tag is another image tomorrow.
ARG PYTHON_DIGEST

FROM python:3.11-slim-bookworm@${PYTHON_DIGEST} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN python -m venv /opt/tiermesh && /opt/tiermesh/bin/pip install --constraint constraints.txt hatchling
COPY . .
# Nothing but what is pinned; its own build needs hatchling alone, which is.
RUN /opt/tiermesh/bin/pip install --constraint constraints.txt --no-build-isolation ".[router,semantic]" \
    && /opt/tiermesh/bin/pip uninstall --yes hatchling pip

FROM python:3.11-slim-bookworm@${PYTHON_DIGEST}
RUN useradd --uid 10001 --home-dir /var/lib/tiermesh --create-home --shell /usr/sbin/nologin tiermesh
COPY --from=build /opt/tiermesh /opt/tiermesh
ENV PATH=/opt/tiermesh/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TIERMESH_HOME=/var/lib/tiermesh
WORKDIR /var/lib/tiermesh
USER 10001:10001
EXPOSE 8080 8081 8082
CMD ["python", "-m", "routers"]
