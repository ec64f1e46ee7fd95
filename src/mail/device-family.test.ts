import { describe, expect, it } from 'vitest';
import { deviceFamilyOf } from './device-family.js';

const WINDOWS = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)';
const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)';
const LINUX = 'Mozilla/5.0 (X11; Linux x86_64)';
const ANDROID = 'Mozilla/5.0 (Linux; Android 10; K)';
const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const IPAD = 'Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';
const CHROME_MOBILE = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.122 Mobile Safari/537.36';

describe('the family of a device', () => {
  it.each([
    ['Firefox', 'Windows', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0'],
    ['Firefox', 'macOS', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:128.0) Gecko/20100101 Firefox/128.0'],
    ['Firefox', 'Linux', 'Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'],
    ['Firefox', 'Android', 'Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0'],
    ['Firefox', 'iOS', `${IPHONE} FxiOS/128.0 Mobile/15E148 Safari/605.1.15`],
    ['Chrome', 'Windows', `${WINDOWS} ${CHROME}`],
    ['Chrome', 'macOS', `${MAC} ${CHROME}`],
    ['Chrome', 'Linux', `${LINUX} ${CHROME}`],
    ['Chrome', 'Android', `${ANDROID} ${CHROME_MOBILE}`],
    ['Chrome', 'iOS', `${IPHONE} CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1`],
    ['Edge', 'Windows', `${WINDOWS} ${CHROME} Edg/126.0.2592.87`],
    ['Edge', 'macOS', `${MAC} ${CHROME} Edg/126.0.2592.87`],
    ['Edge', 'Linux', `${LINUX} ${CHROME} Edg/126.0.2592.87`],
    ['Edge', 'Android', `${ANDROID} ${CHROME_MOBILE} EdgA/126.0.2592.80`],
    ['Edge', 'iOS', `${IPHONE} Version/17.0 EdgiOS/126.0.2592.86 Mobile/15E148 Safari/605.1.15`],
    ['Opera', 'Windows', `${WINDOWS} ${CHROME} OPR/112.0.0.0`],
    ['Opera', 'macOS', `${MAC} ${CHROME} OPR/112.0.0.0`],
    ['Opera', 'Linux', `${LINUX} ${CHROME} OPR/112.0.0.0`],
    ['Opera', 'Android', `${ANDROID} ${CHROME_MOBILE} OPR/83.0.0.0`],
    ['Opera', 'iOS', `${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1 OPT/4.7.0`],
    ['Safari', 'macOS', `${MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15`],
    ['Safari', 'iOS', `${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1`],
    ['Safari', 'iOS', `${IPAD} Version/17.5 Mobile/15E148 Safari/604.1`],
  ])('is %s and %s, as its user agent says: %s', (browser, system, userAgent) => {
    expect(deviceFamilyOf(userAgent)).toEqual({ browser, system });
  });

  it.each([
    ['curl/8.5.0', {}],
    [
      'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36',
      { browser: 'Chrome' },
    ],
    ['Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8)', { system: 'Android' }],
    ['Thunderfox/1.0 (WindowsNT; MacOSX; NotLinuxAtAll)', {}],
    ['', {}],
    [undefined, {}],
    ['\0\r\nBcc: evil@example.com\r\n', {}],
    ['<b>Firefox</b>, "Chrome" {{service}} 火狐', {}],
  ])('of %j is no more than is known: %j', (userAgent, family) => {
    expect(deviceFamilyOf(userAgent)).toEqual(family);
  });

  it('has only words of ours, whatever stands around them (REC-11)', () => {
    const userAgent = 'evil Firefox/https://evil.example/<b>; (Windows NT evil) call 0900 123456';
    expect(JSON.stringify(deviceFamilyOf(userAgent))).toBe('{"browser":"Firefox","system":"Windows"}');
  });

  it('is found in the first 256 characters, and quickly in ten thousand (REC-11)', () => {
    const words = ['Firefox', 'Firefox /', 'Mac OS ', 'Windows N', 'a', ' ', '/', 'EdgEdgEdg', 'iPhoneiPad'];
    const long = words.map((word) => word.repeat(10_000).slice(0, 10_000));
    const start = performance.now();
    for (let round = 0; round < 200; round++) for (const text of long) expect(deviceFamilyOf(text)).toEqual({});
    // Each takes some microseconds.
    expect(performance.now() - start).toBeLessThan(2000);
    expect(deviceFamilyOf(`${' '.repeat(246)} Firefox/1 Linux`)).toEqual({ browser: 'Firefox' });
    expect(deviceFamilyOf(`${' '.repeat(256)} Firefox/1`)).toEqual({});
  });
});
