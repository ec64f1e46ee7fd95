FROM node:26-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# There is nothing to compile yet.
RUN npm pkg delete scripts.prepare && npm ci --no-audit --no-fund
COPY . .
# Without the first step npm keeps the CLI and the compiler, because the client names them as optional peers.
RUN npm run build && npm pkg delete devDependencies && npm prune --omit=peer --no-audit --no-fund

FROM node:26-bookworm-slim
# With the Node.js and the `gatehouse` of the packages: docker compose exec api gatehouse users list
ENV HOST=0.0.0.0 PORT=3000 PATH=/app/node_modules/.bin:$PATH
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/prisma ./prisma
USER node
EXPOSE 3000
# DATABASE_STARTUP_SECONDS, in which a start waits for the database, and ten for the rest.
HEALTHCHECK --interval=5s --timeout=3s --start-period=70s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/serving`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node_modules/.bin/node", "--disable-sigusr1", "dist/main.js"]
