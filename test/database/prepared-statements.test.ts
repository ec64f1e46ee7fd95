import { expect, it, onTestFinished } from 'vitest';
import { CircuitBreaker } from '../../src/database/circuit-breaker.js';
import { Prisma, PrismaService } from '../../src/database/prisma.service.js';
import { createDatabase, query, testConfig } from '../support/app.js';

it('a statement fails nobody when a migration changes the type of a column, and is prepared again under another name', async () => {
  const url = await createDatabase();
  await query(url, `CREATE TABLE prepared_texts AS SELECT 'one'::varchar(10) AS text`);
  const prisma = new PrismaService(testConfig(url, { databasePoolSize: 1 }), new CircuitBreaker());
  onTestFinished(() => prisma.$disconnect());
  const run = (): Promise<unknown[]> =>
    prisma.queryPrepared(Prisma.sql`SELECT * FROM prepared_texts WHERE text > ${''}`);
  const names = async (): Promise<string[]> => {
    const prepared = Prisma.sql`SELECT name FROM pg_prepared_statements WHERE statement LIKE '%FROM prepared_texts%' AND name > ''`;
    const rows = await prisma.$queryRaw<{ name: string }[]>(prepared);
    return rows.map(({ name }) => name).toSorted();
  };
  for (let time = 0; time < 2; time++) expect(await run()).toEqual([{ text: 'one' }]);
  const [first, ...others] = await names();
  expect(others).toEqual([]);
  await query(url, 'ALTER TABLE prepared_texts ALTER text TYPE text');
  for (let time = 0; time < 3; time++) expect(await run()).toEqual([{ text: 'one' }]);
  expect(await names()).toContain(`${first}_1`);
});
