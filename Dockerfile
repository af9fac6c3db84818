# One image, three commands: src/main/{migrate,api,worker}.ts. Node 24 runs the TypeScript as it is, so nothing is compiled.
# Debian, not Alpine: the Temporal SDK's native part is built for glibc.
FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 # The SDK brings its native part for five platforms, 30 MB each; this image needs one.
 && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
      ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -rf {} + \
 # The worker keeps its bundle of the workflows there.
 && mkdir -p node_modules/.cache/sluice && chown node:node node_modules/.cache/sluice

FROM node:24.21.0-bookworm-slim
# 16 MB: else Node lets the young generation grow to 100 MB on a big machine, for nothing that could be measured. Two arenas:
# glibc keeps a heap for each thread else, which costs a worker 25 MB.
ENV NODE_ENV=production NODE_OPTIONS=--max-semi-space-size=16 MALLOC_ARENA_MAX=2 \
    HOST=0.0.0.0 PORT=7100 SLUICE_METRICS_PORT=9100
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json tsconfig.json LICENSE ./
COPY drizzle drizzle
COPY activities activities
COPY workflows workflows
COPY src src
USER node
EXPOSE 7100 9100
# The process itself takes SIGTERM and drains.
CMD ["node", "--max-semi-space-size=32", "--heap-growing-percent=150", "--no-allocation-site-pretenuring", "src/main/api.ts"]
