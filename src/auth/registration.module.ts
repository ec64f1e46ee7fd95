import { Module, type DynamicModule } from '@nestjs/common';
import type { Config } from '../config/config.js';
import { UsersModule } from '../users/users.module.js';
import { ClosedRegistrationController } from './closed-registration.controller.js';
import { RegistrationController } from './registration.controller.js';
import { VerifiedRegistrationController } from './verified-registration.controller.js';

const CONTROLLERS = {
  open: RegistrationController,
  verified: VerifiedRegistrationController,
  closed: ClosedRegistrationController,
} as const;

@Module({})
export class RegistrationModule {
  /** The route has other answers in each mode. */
  static forMode(mode: Config['registration']): DynamicModule {
    return { module: RegistrationModule, imports: [UsersModule], controllers: [CONTROLLERS[mode]] };
  }
}
