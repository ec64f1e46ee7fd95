import { Injectable } from '@nestjs/common';

/** Tells the parts of the application that it begins to shut down: at SIGTERM, or else when it is closed. */
@Injectable()
export class ShutdownAnnouncement {
  readonly #controller = new AbortController();
  #announcedAt: number | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** When the shutdown began, in milliseconds of `performance.now()`; the present time if it has not. */
  get announcedAt(): number {
    return this.#announcedAt ?? performance.now();
  }

  /** Further calls change nothing. */
  announce(): void {
    this.#announcedAt ??= performance.now();
    this.#controller.abort();
  }
}
