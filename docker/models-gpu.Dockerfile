# syntax=docker/dockerfile:1
# What models.Dockerfile makes, with vLLM and torch for NVIDIA GPUs: their wheels bring CUDA, the node brings the driver.

# Without a digest there is no image: a tag is another image tomorrow.
ARG PYTHON_DIGEST

FROM python:3.11-slim-bookworm@${PYTHON_DIGEST} AS build
# The version that pyproject.toml names for CPUs.
ARG VLLM_VERSION=0.32.0
ENV UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=/opt/tiermesh
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN python -m venv /opt/tiermesh && pip install --no-cache-dir uv==0.13.9 \
    && uv pip install --constraint constraints.txt hatchling
COPY . .
# What CUDA alone needs is pinned by vLLM's and torch's own wheels.
RUN uv pip install --constraint constraints.txt --no-build-isolation --compile-bytecode \
    ".[models,bento]" "vllm==${VLLM_VERSION}" \
    && uv pip uninstall hatchling

FROM python:3.11-slim-bookworm@${PYTHON_DIGEST}
# Kernels are compiled when a model is loaded; KubeRay starts Ray by a login shell, which would forget the path.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends g++ libnuma1 && rm -rf /var/lib/apt/lists/* \
    && echo "export PATH=/opt/tiermesh/bin:\$PATH" > /etc/profile.d/tiermesh.sh \
    && useradd --uid 10001 --home-dir /var/lib/tiermesh --create-home --shell /bin/bash tiermesh
COPY --from=build /opt/tiermesh /opt/tiermesh
# From here `file://./PATH` of a document counts.
COPY examples/shop /srv/tiermesh
ENV PATH=/opt/tiermesh/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TIERMESH_HOME=/var/lib/tiermesh \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /var/lib/tiermesh
USER 10001:10001
EXPOSE 8000
CMD ["python", "-m", "model_repo"]
