/**
 * Sends requests to services outside for the data-plane threads, such as those of logins to identity providers. Answers are bounded in size and time,
 * redirects are not followed, and so many requests may be under way: further ones fail at once, because clients can cause them.
 */
import { messageOf } from "../../base/errors.ts";
import { Places } from "../../base/places.ts";
import type { BoundedRequests } from "./bounded-requests.ts";
import { ANSWER_FIELDS } from "../../shared/outside-request.ts";
import type { OutsideAnswer, OutsideRequest } from "../../shared/outside-request.ts";

/** Longer than whoever asks waits for one request (`PROVIDER_TIMEOUT_MS` of features/authentication/login.ts). */
const TIMEOUT_MS = 5_000;
const BODY_BYTES_MAX = 512 * 1024;
/** A provider may be asked for thousands of users. */
const SOCKETS_MAX = 32;
/** Requests under way to one service, of all threads together. Each service has its own: one that is slow takes nothing from the others. */
const UNDER_WAY_MAX = 64;

export class OutsideRequests {
  private readonly makeSender: () => Promise<BoundedRequests>;
  private sender: Promise<BoundedRequests> | null = null;
  /** By scheme, host and port. */
  private readonly underWay: Places = new Places(UNDER_WAY_MAX);

  /** @param makeSender makes what sends requests. Absent: requests of Node's */
  constructor(version: string, makeSender: () => Promise<BoundedRequests> = () => nodeRequests(version)) {
    this.makeSender = makeSender;
  }

  /** Never rejects. */
  async send({ method, url, fields, body }: OutsideRequest): Promise<OutsideAnswer> {
    if (!URL.canParse(url)) return { problem: "the address is no URL" };
    const { origin, host } = new URL(url);
    if (!this.underWay.take(origin)) return { problem: `${UNDER_WAY_MAX} requests to ${host} are under way already` };
    try {
      const { ask } = await (this.sender ??= this.makeSender());
      const response = await ask({ method, url, fields, ...(body === null ? {} : { body }) });
      const kept = ANSWER_FIELDS.flatMap((name) => {
        const value = response.field(name);
        return value === null ? [] : [[name, value] as const];
      });
      return { status: response.status, fields: kept, body: response.body };
    } catch (error) {
      return { problem: messageOf(error) };
    } finally {
      this.underWay.leave(origin);
    }
  }

  stop(): void {
    void this.sender?.then(({ close }) => close());
  }
}

/** Loaded when it is first needed: most configurations ask nobody. */
async function nodeRequests(version: string): Promise<BoundedRequests> {
  const { boundedRequests } = await import("./bounded-requests.ts");
  const userAgent = `millrace/${version}`;
  return boundedRequests({ userAgent, ca: () => null, timeoutMs: TIMEOUT_MS, bodyBytesMax: BODY_BYTES_MAX, socketsMax: SOCKETS_MAX });
}
