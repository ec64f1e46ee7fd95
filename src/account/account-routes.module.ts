import { Module, type DynamicModule } from '@nestjs/common';
import { isMailOn, type Config } from '../config/config.js';
import { AccountModule } from './account.module.js';
import { EmailLinksController } from './email-links.controller.js';
import { MailAskingController } from './mail-asking.controller.js';
import { PasswordLinksController } from './password-links.controller.js';

@Module({})
export class AccountRoutesModule {
  /** What asks for mail is left out where there is none: it would promise what does not come. */
  static forConfig(config: Config): DynamicModule {
    const controllers = [EmailLinksController, PasswordLinksController];
    return {
      module: AccountRoutesModule,
      imports: [AccountModule],
      controllers: isMailOn(config) ? [...controllers, MailAskingController] : controllers,
    };
  }
}
