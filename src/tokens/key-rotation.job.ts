import { Injectable } from '@nestjs/common';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { KeyRing } from './key-ring.js';
import { KeyRotationService } from './key-rotation.service.js';

const ROTATION_INTERVAL_SECONDS = 30;
/** Short, since it queries the database only when the key ring needs a repair. */
const REPAIR_INTERVAL_SECONDS = 1;

/** Prepares the managed keys before a node serves, then rotates and repairs them at intervals. */
@Injectable()
export class KeyRotationJob {
  constructor(jobs: BackgroundJobs, rotation: KeyRotationService, keyRing: KeyRing) {
    if (!rotation.isManaged) return;
    jobs.addStartupJob(() => rotation.prepareKeys());
    jobs.addRecurringJob(ROTATION_INTERVAL_SECONDS, 'rotate keys', () => rotation.maintainKeys());
    jobs.addRecurringJob(REPAIR_INTERVAL_SECONDS, 'repair keys', async () => {
      if (keyRing.needsRepair) await rotation.repairKeys(keyRing.reappearedKids);
    });
  }
}
