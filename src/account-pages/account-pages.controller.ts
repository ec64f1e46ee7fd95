import { applyDecorators, Controller, Get, Header, Inject, Query, Req } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { readFileSync } from 'node:fs';
import { Public } from '../access/route-access.decorators.js';
import { routeConfig } from '../access/route-settings.js';
import { ACCOUNT_PAGES, type AccountPage } from '../config/account-pages.js';
import { CONFIG, type Config } from '../config/config.js';
import type { RouteQuery } from '../http/path-and-query-checks.js';
import type { Language } from '../config/languages.js';
import { PAGE_TEXTS, renderPage } from './render-page.js';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const LANGUAGES = Object.keys(PAGE_TEXTS) as Language[];
const PAGES = Object.entries(ACCOUNT_PAGES) as [AccountPage, string][];
const SCRIPT = readFileSync(new URL('account-page.browser.js', import.meta.url));
const STYLE_SHEET = readFileSync(new URL('account-page.css', import.meta.url));

/** For people, with any query: what sends mail may add parameters to its links. The document of the API has no such route. */
const PageRoute = (): MethodDecorator =>
  applyDecorators(Public(), routeConfig({ isQueryIgnored: true } satisfies RouteQuery), RouteSchema({ hide: true }));

/** The pages that mail links to, and what they load. */
@Controller()
export class AccountPagesController {
  readonly #defaultLanguage: Language;
  /** HTML by path and language. */
  readonly #pages: ReadonlyMap<string, Readonly<Record<string, string>>>;

  constructor(@Inject(CONFIG) config: Config) {
    this.#defaultLanguage = config.defaultLanguage;
    this.#pages = new Map(
      PAGES.map(([page, path]) => [
        path,
        Object.fromEntries(LANGUAGES.map((language) => [language, renderPage(page, language, config)])),
      ]),
    );
  }

  @Get(Object.values(ACCOUNT_PAGES))
  @PageRoute()
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', CONTENT_SECURITY_POLICY)
  getPage(@Req() { routeOptions }: FastifyRequest, @Query('lang') asked: unknown): string | undefined {
    const language = LANGUAGES.find((known) => known === asked) ?? this.#defaultLanguage;
    return this.#pages.get(routeOptions.url ?? '')?.[language];
  }

  @Get('account/assets/account-page.js')
  @PageRoute()
  @Header('content-type', 'text/javascript; charset=utf-8')
  getScript(): Buffer {
    return SCRIPT;
  }

  @Get('account/assets/account-page.css')
  @PageRoute()
  @Header('content-type', 'text/css; charset=utf-8')
  getStyleSheet(): Buffer {
    return STYLE_SHEET;
  }
}
