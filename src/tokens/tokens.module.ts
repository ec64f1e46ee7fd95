import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { DatabaseModule } from '../database/database.module.js';
import { KeyRing } from './key-ring.js';
import { SigningKeysRepository } from './signing-keys.repository.js';
import { TokensService } from './tokens.service.js';

@Module({
  imports: [DatabaseModule, JwtModule.register({})],
  providers: [SigningKeysRepository, KeyRing, TokensService],
  exports: [KeyRing, TokensService],
})
export class TokensModule {}
