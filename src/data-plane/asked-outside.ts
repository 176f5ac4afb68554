/** Requests to services outside that this thread has asked the control plane to send, until their answers come. */
import type { FromWorker } from "../shared/protocol.ts";
import type { OutsideAnswer, OutsideRequest } from "../shared/outside-request.ts";

export class AskedOutside {
  private readonly send: (message: FromWorker) => void;
  private readonly waiting: Map<number, (answer: OutsideAnswer) => void> = new Map();
  private asked: number = 0;

  constructor(send: (message: FromWorker) => void) {
    this.send = send;
  }

  /** Resolves with what came back. Rejects when `signal` is aborted; what comes back then is dropped. */
  ask(request: OutsideRequest, signal: AbortSignal | null): Promise<OutsideAnswer> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(reasonOf(signal));
      const id = ++this.asked;
      const abort = (): void => {
        this.waiting.delete(id);
        if (signal !== null) reject(reasonOf(signal));
      };
      this.waiting.set(id, (answer) => {
        signal?.removeEventListener("abort", abort);
        resolve(answer);
      });
      signal?.addEventListener("abort", abort, { once: true });
      this.send({ type: "ask-outside", id, request });
    });
  }

  take(id: number, answer: OutsideAnswer): void {
    this.waiting.get(id)?.(answer);
    this.waiting.delete(id);
  }
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error("given up");
}
