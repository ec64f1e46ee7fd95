import type { PrimaryLink } from '../workers/primary-link.js';
import { Topic } from '../workers/topic.js';
import type { WorkerLink } from '../workers/worker-link.js';
import type { HashPermitAllocator } from './hash-permit-allocator.js';
import type { HashDemandReport, HashPermitGrant } from './hash-permit-messages.js';
import { LatestMessage } from './latest-message.js';
import { GrantedHashPermits } from './granted-hash-permits.js';

const HASH_PERMITS = new Topic<HashDemandReport, HashPermitGrant>('hash permits');

/** In the primary: lets a worker share the permits until its process has ended. */
export function shareHashPermits(allocator: HashPermitAllocator, link: WorkerLink): void {
  const worker = allocator.addWorker((grant) => link.tellWorker(HASH_PERMITS, grant));
  link.onMessage(HASH_PERMITS, (report) => worker.receiveReport(report));
  link.onExit(() => worker.remove());
}

const permitsOfPrimaries = new WeakMap<PrimaryLink, GrantedHashPermits>();

/** In a worker: permits that the primary grants. They are of the process: a second application gets the same ones. */
export function grantedHashPermits(limit: number, primary: PrimaryLink): GrantedHashPermits {
  const existing = permitsOfPrimaries.get(primary);
  if (existing !== undefined) return existing;
  const reports = new LatestMessage<HashDemandReport>((report) => primary.tellPrimary(HASH_PERMITS, report));
  const permits = new GrantedHashPermits(limit, (report) => reports.sendMessage(report));
  primary.onMessage(HASH_PERMITS, (grant) => permits.receiveGrant(grant));
  permitsOfPrimaries.set(primary, permits);
  return permits;
}
