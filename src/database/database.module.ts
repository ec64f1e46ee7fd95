import { Module } from '@nestjs/common';
import { Breaker } from './breaker.js';
import { Chores } from './chores.js';
import { Feed } from './feed.js';
import { PrismaService } from './prisma.service.js';

@Module({ providers: [Breaker, PrismaService, Feed, Chores], exports: [PrismaService, Feed, Chores] })
export class DatabaseModule {}
