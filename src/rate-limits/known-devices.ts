/** Known devices of one user: those used last. */
export const MAX_DEVICES = 10;

/** Wrong passwords in a row before a device counts as unknown. */
export const MAX_DEVICE_FAILURES = 10;
