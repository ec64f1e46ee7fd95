import { Module } from '@nestjs/common';
import { CircuitBreaker } from './circuit-breaker.js';
import { ChangeFeed } from './change-feed.js';
import { PrismaService } from './prisma.service.js';

@Module({ providers: [CircuitBreaker, PrismaService, ChangeFeed], exports: [PrismaService, ChangeFeed] })
export class DatabaseModule {}
