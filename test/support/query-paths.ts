import { CircuitBreaker } from '../../src/database/circuit-breaker.js';
import { translateDatabaseError } from '../../src/database/database-errors.js';
import { PrismaService, type Prisma } from '../../src/database/prisma.service.js';
import { testConfig } from './app.js';

/** What both paths should end with while the database does not serve. */
export const UNAVAILABLE = '503 service_unavailable';

/** Runs the statement through Prisma and prepared, each on a new pool. @returns status and code of each, or its rows */
export async function outcomesOfBothPaths(databaseUrl: string, statement: Prisma.Sql): Promise<unknown[]> {
  const paths = [
    (prisma: PrismaService) => prisma.$queryRaw(statement),
    (prisma: PrismaService) => prisma.queryPrepared(statement),
  ];
  return Promise.all(paths.map((run) => outcomeOf(databaseUrl, run)));
}

async function outcomeOf(databaseUrl: string, run: (prisma: PrismaService) => Promise<unknown>): Promise<unknown> {
  const config = testConfig(databaseUrl, { databasePoolSize: 1, databaseConnectionTimeoutMs: 1000 });
  const prisma = new PrismaService(config, new CircuitBreaker());
  try {
    return await run(prisma);
  } catch (error) {
    const kind = translateDatabaseError(error)?.kind;
    return kind === undefined ? `500, ${String(error)}` : `${kind.status} ${kind.code}`;
  } finally {
    await prisma.$disconnect();
  }
}
