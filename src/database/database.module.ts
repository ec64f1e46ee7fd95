import { Module } from '@nestjs/common';
import { CircuitBreaker } from './circuit-breaker.js';
import { ChangeFeed } from './change-feed.js';
import { Database } from './database.js';
import { PrismaService } from './prisma.service.js';

@Module({
  providers: [CircuitBreaker, PrismaService, Database, ChangeFeed],
  exports: [PrismaService, Database, ChangeFeed],
})
export class DatabaseModule {}
