import { TopicListeners, type Topic, type TopicMessage } from './topic.js';

/** Injection token of the {@link PrimaryLink}; a node of one process provides `undefined`. */
export const PRIMARY_LINK = Symbol('primary link');

/** A worker's connection to its primary. */
export class PrimaryLink {
  readonly #listeners = new TopicListeners();

  /** @param send calls back once the message is written, or cannot be */
  constructor(private readonly send: (message: TopicMessage, done: () => void) => void) {}

  /** Sets the only listener of the topic. */
  onMessage<ToPrimary, ToWorker>(topic: Topic<ToPrimary, ToWorker>, listener: (content: ToWorker) => void): void {
    this.#listeners.setListener(topic.name, listener);
  }

  /** Resolves once the message is written; it is lost if the primary is gone. */
  tellPrimary<ToPrimary, ToWorker>({ name }: Topic<ToPrimary, ToWorker>, content: ToPrimary): Promise<void> {
    return new Promise((resolve) => this.send({ kind: 'topic', topic: name, content }, resolve));
  }

  /** Called for each message of a topic from the primary. */
  deliverMessage(message: TopicMessage): void {
    this.#listeners.deliverMessage(message);
  }
}
