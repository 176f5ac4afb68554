/** What the proxy really does with a request: sent over a connection in memory to the whole proxy, with endpoints that write down what they get. */
import { script, testProxy } from "../../src/testing/test-proxy.ts";
import type { TestConnection, TestProxy } from "../../src/testing/test-proxy.ts";
import { CONFIG, ENVIRONMENT, FILES, UPSTREAMS } from "./config.ts";
import type { DrawnRequest } from "./requests.ts";

export interface LiveCourse {
  /** The first line and the fields of the response, and what follows. "": the connection ended without one. */
  readonly head: string;
  readonly body: string;
  /** The upstream whose endpoint got the request, and the head that it got; null: none did. */
  readonly sent: { readonly upstream: string; readonly head: string } | null;
  readonly log: Readonly<Record<string, unknown>>;
}

export class LiveProxy {
  private readonly proxy: TestProxy;
  /** The requests that endpoints have got for the request that is sent now. */
  private readonly arrived: { upstream: string; head: string }[];

  private constructor(proxy: TestProxy, arrived: { upstream: string; head: string }[]) {
    this.proxy = proxy;
    this.arrived = arrived;
  }

  static async start(): Promise<LiveProxy> {
    const arrived: { upstream: string; head: string }[] = [];
    const origin = (upstream: string) =>
      script.raw((connection) => answerEach(connection, (head) => void arrived.push({ upstream, head })));
    const upstreams = Object.fromEntries(UPSTREAMS.map((name) => [name, origin(name)]));
    return new LiveProxy(await testProxy(CONFIG, { upstreams, environment: ENVIRONMENT, files: FILES }), arrived);
  }

  close(): void {
    this.proxy.close();
  }

  async send({ method, target, fields, client, body }: DrawnRequest): Promise<LiveCourse> {
    const { proxy, arrived } = this;
    arrived.length = 0;
    const logged = proxy.log.length;
    const connection = proxy.connect({ from: client });
    connection.send(`${method} ${target} HTTP/1.1\r\n${fields.map((line) => `${line}\r\n`).join("")}\r\n${body}`);
    const received = await connection.untilEnded();
    connection.close();
    const end = received.indexOf("\r\n\r\n") + 4;
    const log = proxy.log.slice(logged).find(({ event }) => event === "access") ?? {};
    // A mirror is asked too, and is not the request's upstream.
    const { endpoint } = log;
    const sent = arrived.find(({ upstream }) => typeof endpoint === "string" && endpoint.includes(`//${upstream}.test`)) ?? null;
    return { head: received.slice(0, end), body: received.slice(end), sent, log };
  }
}

/** An endpoint that answers each request of the connection once it is whole. */
function answerEach(connection: TestConnection, arrives: (head: string) => void): void {
  let unread = "";
  connection.onData = (bytes) => {
    unread += bytes.toString("latin1");
    for (;;) {
      const end = unread.indexOf("\r\n\r\n") + 4;
      if (end < 4) return;
      const head = unread.slice(0, end);
      const bodyEnd = endOfBody(head, unread, end);
      if (bodyEnd < 0 || bodyEnd > unread.length) return;
      unread = unread.slice(bodyEnd);
      arrives(head);
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${head.startsWith("HEAD ") ? "" : "ok"}`);
    }
  };
}

/** Where the body ends; -1: that is not known yet. */
function endOfBody(head: string, text: string, start: number): number {
  if (/^transfer-encoding:/im.test(head)) {
    const last = text.indexOf("0\r\n\r\n", start);
    return last < 0 ? -1 : last + 5;
  }
  const [, length = "0"] = /^content-length: *(\d+)/im.exec(head) ?? [];
  return start + Number(length);
}
