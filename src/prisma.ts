// First: an older Node is told so.
import './cli/supported-node.js';
import './cli/working-directory.js';

export { prismaConfig, type PrismaProjectConfig, type PrismaConfigOptions } from './database/prisma-project-config.js';
