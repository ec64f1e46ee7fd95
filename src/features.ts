import type { Type } from '@nestjs/common';

/**
 * Your own modules, in a fork: the only list of them. The service and the tests read it. A project that has the package gives its
 * modules to `serve` instead.
 */
export const features: readonly Type[] = [];
