import { Session, type Profiler } from 'node:inspector/promises';

/** Microseconds of this process's main thread, by the owner of the code. */
export type Shares = Record<string, number>;

const SAMPLE_MICROSECONDS = 250;

/** The first pattern that matches a function's file names the owner of its code. */
const OWNERS: readonly (readonly [owner: string, file: RegExp])[] = [
  ['Node, in JavaScript', /^node:/],
  ['Nest', /node_modules\/(?:@nestjs\/(?:core|common|platform-fastify)|rxjs|reflect-metadata)\//],
  ['passport', /node_modules\/(?:passport|@nestjs\/passport)/],
  [
    'Fastify',
    /node_modules\/(?:fastify|@fastify|find-my-way|fast-|avvio|light-my-request|secure-json|toad-cache|pino)/,
  ],
  ['Gatehouse, authentication', /dist\/(?:access|verifier|sessions)\//],
  ['Gatehouse, HTTP', /dist\/(?:http|logging|openapi|problems)\//],
  ['other modules', /./],
];

let session: Session | undefined;

export async function startProfile(): Promise<void> {
  session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS });
  await session.post('Profiler.start');
}

export async function stopProfile(): Promise<Shares> {
  if (session === undefined) throw new Error('No profile was started');
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  return sharesOf(profile);
}

function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Shares {
  const owners = new Map(nodes.map(({ id, callFrame }) => [id, ownerOf(callFrame)]));
  const shares: Shares = {};
  samples.forEach((id, index) => {
    const owner = owners.get(id) ?? '';
    if (owner !== '') shares[owner] = (shares[owner] ?? 0) + (timeDeltas[index + 1] ?? 0);
  });
  return shares;
}

function ownerOf({ functionName, url }: { functionName: string; url: string }): string {
  if (functionName === '(idle)') return '';
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (url === '') return 'Node, in C++, and the kernel';
  return OWNERS.find(([, file]) => file.test(url))?.[0] ?? '';
}
