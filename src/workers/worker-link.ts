import type { Worker } from 'node:cluster';
import { TopicListeners, type Topic, type TopicMessage } from './topic.js';
import { isMessage, type PrimaryMessage, type WorkerMessage } from './worker-messages.js';

/** The primary's connection to one worker. */
export class WorkerLink {
  readonly #listeners = new TopicListeners();
  /** Resolves with the cause. */
  readonly #ended: Promise<string>;
  readonly #gone: Promise<unknown>;

  constructor(private readonly worker: Worker) {
    const notStarted = this.#whenNotStarted();
    const exited = new Promise<string>((resolve) =>
      worker.once('exit', (code: number, signal: string | null) =>
        resolve(`A worker ended with ${signal ?? `exit code ${code}`}`),
      ),
    );
    const disconnected = new Promise<void>((resolve) => worker.once('disconnect', resolve));
    this.#ended = Promise.race([exited, notStarted]);
    this.#gone = Promise.race([Promise.all([exited, disconnected]), notStarted]);
    this.onWorkerMessage((message) => {
      if (message.kind === 'topic') this.#listeners.deliverMessage(message);
    });
  }

  get pid(): number | undefined {
    return this.worker.process.pid;
  }

  /** The message is lost if the worker is gone. */
  tell(message: PrimaryMessage): void {
    if (this.worker.isConnected()) this.worker.send(message);
  }

  onWorkerMessage(listener: (message: WorkerMessage) => void): void {
    this.worker.on('message', (message: unknown) => {
      if (isMessage(message)) listener(message as WorkerMessage);
    });
  }

  /** Sets the only listener of the topic. */
  onMessage<ToPrimary, ToWorker>(topic: Topic<ToPrimary, ToWorker>, listener: (content: ToPrimary) => void): void {
    this.#listeners.setListener(topic.name, listener);
  }

  /** The message is lost if the worker is gone. */
  tellWorker<ToPrimary, ToWorker>({ name }: Topic<ToPrimary, ToWorker>, content: ToWorker): void {
    this.tell({ kind: 'topic', topic: name, content } satisfies TopicMessage);
  }

  /** The process accepts connections. */
  onServing(listener: () => void): void {
    this.onWorkerMessage(({ kind }) => {
      if (kind === 'serving') listener();
    });
  }

  /** The process has ended or could not be started; messages that it sent before may still arrive. */
  onExit(listener: (cause: string) => void): void {
    void this.#ended.then(listener);
  }

  /** The process has ended and all that it sent has arrived. */
  onGone(listener: () => void): void {
    void this.#gone.then(listener);
  }

  kill(): void {
    this.worker.process.kill('SIGKILL');
  }

  /** A process that could not be started has no `exit` event. Other errors are of messages to one that has just died. */
  #whenNotStarted(): Promise<string> {
    return new Promise((resolve) =>
      this.worker.on('error', (error) => {
        if (this.pid === undefined) resolve(notStarted(error));
      }),
    );
  }
}

/** Why a worker could not be started, for the operator. */
export const notStarted = (error: Error): string => `A worker could not be started: ${error.message}`;
