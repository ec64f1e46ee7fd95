import { Injectable } from '@nestjs/common';
import { Chores } from '../database/chores.js';
import { KeyRotationService } from './key-rotation.service.js';

const CHECK_SECONDS = 30;

/** Has every serving node see to the keys, before it serves and then again and again. */
@Injectable()
export class KeyUpkeep {
  constructor(chores: Chores, rotation: KeyRotationService) {
    if (!rotation.isManaged) return;
    chores.beforehand(() => rotation.prepare());
    chores.every(CHECK_SECONDS, 'rotate keys', () => rotation.maintain());
  }
}
