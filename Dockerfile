# The server: official Node, no dev dependency, not root. Nothing is compiled.
#   docker build -t grantor .
#   docker build -t grantor-samples --target samples .

FROM node:24-slim AS base
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

FROM base AS samples
RUN npm ci
COPY . .
USER node
CMD ["node", "src/samples/main.ts"]

FROM base AS server
ENV NODE_ENV=production
RUN npm ci --omit=dev && npm cache clean --force
COPY . .
# The only places that are written to: the embedded store, and in development the root key.
RUN mkdir -p data keys && chown node:node data keys
USER node
VOLUME ["/app/data"]
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.OPS_PORT || 9000}/health/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
