import type { Worker } from 'node:cluster';
import { TopicListeners, type Topic, type TopicMessage } from './topic.js';
import type { WorkerMessage } from './worker-messages.js';

/** The primary's connection to one worker. */
export class WorkerLink {
  readonly #listeners = new TopicListeners();

  constructor(private readonly worker: Worker) {
    this.#onWorkerMessage((message) => {
      if (message.kind === 'topic') this.#listeners.deliverMessage(message);
    });
  }

  get pid(): number | undefined {
    return this.worker.process.pid;
  }

  /** Sets the only listener of the topic. */
  onMessage<ToPrimary, ToWorker>(topic: Topic<ToPrimary, ToWorker>, listener: (content: ToPrimary) => void): void {
    this.#listeners.setListener(topic.name, listener);
  }

  /** The message is lost if the worker is gone. */
  tellWorker<ToPrimary, ToWorker>({ name }: Topic<ToPrimary, ToWorker>, content: ToWorker): void {
    if (this.worker.isConnected()) this.worker.send({ kind: 'topic', topic: name, content } satisfies TopicMessage);
  }

  /** The process accepts connections. */
  onServing(listener: () => void): void {
    this.#onWorkerMessage(({ kind }) => {
      if (kind === 'serving') listener();
    });
  }

  /** The process has ended; messages that it sent before may still arrive. */
  onExit(listener: () => void): void {
    this.worker.once('exit', listener);
  }

  /** The process has ended and all that it sent has arrived. */
  onGone(listener: () => void): void {
    let left = 2;
    const countDown = (): void => void (--left === 0 && listener());
    this.worker.once('exit', countDown).once('disconnect', countDown);
  }

  #onWorkerMessage(listener: (message: WorkerMessage) => void): void {
    this.worker.on('message', listener);
  }
}
