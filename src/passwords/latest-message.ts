/**
 * Sends messages of which each states everything that those before it said: while one is being written, only the latest
 * of the next ones is kept. So a receiver that is stopped costs no memory.
 */
export class LatestMessage<Message> {
  #isWriting = false;
  #next: Message | undefined;

  /** @param write resolves once the message is written, or cannot be */
  constructor(private readonly write: (message: Message) => Promise<void>) {}

  sendMessage(message: Message): void {
    if (this.#isWriting) {
      this.#next = message;
      return;
    }
    this.#isWriting = true;
    void this.write(message).then(() => this.#sendNext());
  }

  #sendNext(): void {
    this.#isWriting = false;
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) this.sendMessage(next);
  }
}
