import { Module } from '@nestjs/common';
import { Breaker } from './circuit-breaker.js';
import { Feed } from './change-feed.js';
import { PrismaService } from './prisma.service.js';

@Module({ providers: [Breaker, PrismaService, Feed], exports: [PrismaService, Feed] })
export class DatabaseModule {}
