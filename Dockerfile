# One image a service, all from this file: docker build --target api|worker|worker-gpu|ingest|web|gate|redis.
# docs/docker.md says how to build behind a mirror (secrets) and without a registry of images (BASE_IMAGE).
# Packages come from Debian's and npm's registries only, and nothing is downloaded when a container runs.
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE} AS base
# 1000 is the first user of most Linux PCs: what she puts into the inbox can be read even when it is for her eyes only.
RUN groupadd --gid 1000 glyphmill && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /nonexistent glyphmill \
  && rm -f /etc/.pwd.lock /etc/*- /var/log/lastlog /var/log/faillog


# Node as npm's package carries it; Debian's npm only fetches it, and pnpm.
FROM base AS node
# The version that pnpm-lock.yaml has; tools/containers.test.ts compares.
ARG NODE_VERSION=24.21.0
RUN --mount=type=bind,source=docker,target=/docker \
  --mount=type=secret,id=apt_sources --mount=type=secret,id=apt_conf --mount=type=secret,id=ca_certificates \
  sh /docker/install-debian-packages.sh npm binutils
RUN --mount=type=bind,source=docker,target=/docker --mount=type=secret,id=npmrc --mount=type=secret,id=ca_certificates \
  . /docker/use-npm-secrets.sh \
  && case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; esac \
  && npm install --prefix /opt/node --no-save "node-linux-$arch@$NODE_VERSION" \
  && strip -o /usr/local/bin/node "/opt/node/node_modules/node-linux-$arch/bin/node" \
  && rm -rf /opt/node /root/.npm
RUN --mount=type=bind,source=docker,target=/docker --mount=type=secret,id=npmrc --mount=type=secret,id=ca_certificates \
  . /docker/use-npm-secrets.sh && npm install --global pnpm@12 && rm -rf /root/.npm


# What the services install, each in a stage of its own: only the worker's holds sharp and ONNX Runtime. Manifests alone
# come in, so that a changed source file installs nothing anew.
FROM node AS manifests
WORKDIR /app
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY docker/install-service.sh docker/use-npm-secrets.sh docker/
COPY packages/core/package.json packages/core/

FROM manifests AS api-packages
COPY packages/http/package.json packages/http/
COPY services/api/package.json services/api/
RUN --mount=type=cache,id=pnpm,target=/pnpm/store --mount=type=secret,id=npmrc --mount=type=secret,id=ca_certificates \
  sh docker/install-service.sh api && rm -rf docker

FROM manifests AS worker-packages
COPY packages/ocr/package.json packages/ocr/
COPY services/worker/package.json services/worker/
RUN --mount=type=cache,id=pnpm,target=/pnpm/store --mount=type=secret,id=npmrc --mount=type=secret,id=ca_certificates \
  sh docker/install-service.sh worker && rm -rf docker

FROM manifests AS ingest-packages
COPY packages/http/package.json packages/http/
COPY services/ingest/package.json services/ingest/
RUN --mount=type=cache,id=pnpm,target=/pnpm/store --mount=type=secret,id=npmrc --mount=type=secret,id=ca_certificates \
  sh docker/install-service.sh ingest && rm -rf docker

FROM manifests AS web-packages
COPY packages/http/package.json packages/http/
COPY services/web/package.json services/web/
RUN --mount=type=cache,id=pnpm,target=/pnpm/store --mount=type=secret,id=npmrc --mount=type=secret,id=ca_certificates \
  sh docker/install-service.sh web && rm -rf docker


# What all of ours run in: node, a user without rights, an empty data folder that is hers. Code and packages belong to root.
FROM base AS runtime
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY docker/is-ready.mjs /app/docker/
RUN mkdir /data && chown 1000:1000 /data
ENV NODE_ENV=production HOST=0.0.0.0 OPS_PORT=9464 DATA_DIR=/data
WORKDIR /app
USER 1000:1000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "docker/is-ready.mjs", "9464"]

FROM runtime AS api
COPY --from=api-packages /app ./
COPY packages/core packages/core
COPY packages/http packages/http
COPY services/api services/api
EXPOSE 8000 9464
CMD ["node", "services/api/src/main.ts"]

FROM runtime AS worker
COPY --from=worker-packages /app ./
COPY models models
COPY packages/core packages/core
COPY packages/ocr packages/ocr
COPY services/worker services/worker
EXPOSE 9464
CMD ["node", "services/worker/src/main.ts"]

# CUDA 13 and cuDNN 9 from PyPI's packages, and ONNX Runtime's CUDA provider of the version that the lockfile has: npm's
# package would fetch it from elsewhere. For x86_64 and an NVIDIA driver of 580 or newer. docs/docker.md says what was tried.
FROM base AS cuda
ARG ONNXRUNTIME_VERSION=1.30.0
RUN --mount=type=bind,source=docker,target=/docker \
  --mount=type=secret,id=apt_sources --mount=type=secret,id=apt_conf --mount=type=secret,id=ca_certificates \
  sh /docker/install-debian-packages.sh python3-pip
RUN --mount=type=bind,source=docker,target=/docker --mount=type=secret,id=pip_conf --mount=type=secret,id=ca_certificates \
  sh /docker/fetch-cuda.sh "$ONNXRUNTIME_VERSION" /opt/cuda

FROM worker AS worker-gpu
USER root
COPY --from=cuda /opt/cuda/lib /usr/local/cuda/lib
RUN --mount=type=bind,from=cuda,source=/opt/cuda/provider,target=/provider \
  cp /provider/*.so node_modules/.pnpm/onnxruntime-node@*/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/ \
  && echo /usr/local/cuda/lib >/etc/ld.so.conf.d/cuda.conf && ldconfig
USER 1000:1000
ENV ENGINE_PROVIDER=cuda NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM runtime AS ingest
COPY --from=ingest-packages /app ./
COPY packages/core packages/core
COPY packages/http packages/http
COPY services/ingest services/ingest
ENV INBOX_DIR=/inbox
EXPOSE 9464
CMD ["node", "services/ingest/src/main.ts"]

FROM runtime AS web
COPY --from=web-packages /app ./
COPY packages/core packages/core
COPY packages/http packages/http
COPY services/web services/web
EXPOSE 5000 9464
CMD ["node", "services/web/src/main.ts"]

# Lets ports of services be published that have no way out. No packages at all.
FROM runtime AS gate
COPY services/gate services/gate
CMD ["node", "services/gate/src/main.ts"]

FROM base AS redis
RUN --mount=type=bind,source=docker,target=/docker \
  --mount=type=secret,id=apt_sources --mount=type=secret,id=apt_conf --mount=type=secret,id=ca_certificates \
  sh /docker/install-debian-packages.sh redis-server && rm -rf /etc/redis /etc/init.d/redis-server
COPY docker/redis.conf /etc/redis.conf
USER 1000:1000
EXPOSE 6379
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["redis-cli", "ping"]
CMD ["redis-server", "/etc/redis.conf"]
