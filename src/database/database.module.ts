import { Module } from '@nestjs/common';
import { Chores } from './chores.js';
import { Feed } from './feed.js';
import { PrismaService } from './prisma.service.js';

@Module({ providers: [PrismaService, Feed, Chores], exports: [PrismaService, Feed, Chores] })
export class DatabaseModule {}
