import { Injectable } from '@nestjs/common';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { KeyRing } from './key-ring.js';
import { KeyRotationService } from './key-rotation.service.js';

const CHECK_SECONDS = 30;
/** Asks nobody as long as there is a key. */
const REPAIR_SECONDS = 1;

/** Has every serving node see to the keys, before it serves and then again and again. */
@Injectable()
export class KeyRotationJob {
  constructor(jobs: BackgroundJobs, rotation: KeyRotationService, keyRing: KeyRing) {
    if (!rotation.isManaged) return;
    jobs.addStartupJob(() => rotation.prepareKeys());
    jobs.addRecurringJob(CHECK_SECONDS, 'rotate keys', () => rotation.maintainKeys());
    jobs.addRecurringJob(REPAIR_SECONDS, 'repair keys', async () => {
      if (keyRing.needsRepair) await rotation.repairKeys(keyRing.reappearedKids);
    });
  }
}
