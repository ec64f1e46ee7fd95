/** The kind of a device, by words of our own: nothing that a client sent gets into a mail (REC-11). */
export interface DeviceFamily {
  readonly browser?: string;
  readonly system?: string;
}

/** The first that matches; others claim to be those after them. */
const BROWSERS = [
  [/\bEdg(?:A|iOS)?\//, 'Edge'],
  [/\bOP(?:R|T|iOS)\//, 'Opera'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bChrome\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
] as const;
const SYSTEMS = [
  [/\bAndroid\b/, 'Android'],
  [/\biPhone\b|\biPad\b/, 'iOS'],
  [/\bWindows NT\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
] as const;

export function deviceFamilyOf(userAgent: string | undefined): DeviceFamily {
  const [browser, system] = [BROWSERS, SYSTEMS].map(
    (kinds) => kinds.find(([pattern]) => pattern.test(userAgent?.slice(0, 256) ?? ''))?.[1],
  );
  return { ...(browser !== undefined && { browser }), ...(system !== undefined && { system }) };
}
