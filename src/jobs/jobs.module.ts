import { Module } from '@nestjs/common';
import { Chores } from './background-jobs.js';

@Module({ providers: [Chores], exports: [Chores] })
export class JobsModule {}
