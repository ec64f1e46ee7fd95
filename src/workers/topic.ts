/** A subject of messages between the primary and its workers, and the types of what each tells the other. */
export class Topic<ToPrimary, ToWorker> {
  /** Never set: it carries the types. */
  declare readonly types: { readonly toPrimary: ToPrimary; readonly toWorker: ToWorker };

  constructor(readonly name: string) {}
}

/** A message of a {@link Topic} on its way. */
export interface TopicMessage {
  readonly kind: 'topic';
  readonly topic: string;
  readonly content: unknown;
}

/** The listeners of one end of a channel, by topic. */
export class TopicListeners {
  readonly #listeners = new Map<string, (content: never) => void>();

  setListener(topic: string, listener: (content: never) => void): void {
    this.#listeners.set(topic, listener);
  }

  /** Hands a message to the listener of its topic, if there is one. */
  deliverMessage({ topic, content }: TopicMessage): void {
    this.#listeners.get(topic)?.(content as never);
  }
}
