/** What the rows of migration pages are tried with beside another program: the origins that it leads to, and requests to it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { freePort } from "./free-port.ts";
import { SWITCH, answerOf } from "./migration-trial.ts";
import type { Outcome, Trial } from "./migration-trial.ts";

export class RowOrigins {
  private readonly origins: http.Server[] = [];
  private received: { readonly line: string; readonly headers: Headers } | null = null;

  /** Starts both origins; their addresses by name. */
  async start(): Promise<Readonly<Record<"app" | "next", string>>> {
    return { app: await this.origin("app"), next: await this.origin("next") };
  }

  close(): void {
    for (const origin of this.origins) {
      origin.close();
      origin.closeAllConnections();
    }
  }

  /** Makes the trial with the program that listens there. */
  async ask(port: number, trial: Trial): Promise<Outcome> {
    const [method = "", target = ""] = trial.ask.split(" ");
    let outcome: Outcome | null = null;
    for (let time = 0; time < (trial.times ?? 1); time++) {
      this.received = null;
      const upgrade =
        trial.upgrade === true
          ? { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" }
          : {};
      const length = trial.body === undefined ? {} : { "Content-Length": trial.body.length };
      const headers = { Host: "client.example", ...trial.fields, ...upgrade, ...length };
      const request = http.request({
        host: "127.0.0.1",
        port,
        method,
        path: target,
        headers,
        agent: false,
        signal: AbortSignal.timeout(10_000),
      });
      request.end(trial.body);
      if (trial.upgrade === true) {
        const [response, socket] = (await once(request, "upgrade")) as [http.IncomingMessage, { destroy(): void }];
        socket.destroy();
        return { status: response.statusCode ?? 0, answer: new Headers(), text: "", request: null };
      }
      const [response] = (await once(request, "response")) as [http.IncomingMessage];
      const body = await text(response);
      outcome = { status: response.statusCode ?? 0, answer: new Headers(flat(response.headers)), text: body, request: this.received };
    }
    return outcome ?? assert.fail("nothing was asked");
  }

  private async origin(name: string): Promise<string> {
    const origin = http.createServer(async (request, response) => {
      this.received = { line: `${request.method ?? ""} ${request.url ?? ""}`, headers: new Headers(flat(request.headers)) };
      await text(request);
      if (request.url === "/stalls") return;
      const { status, fields, body } = answerOf(new URL(request.url ?? "", "http://a").pathname, name);
      response.writeHead(status, fields).end(body);
    });
    origin.on("upgrade", (_request, socket) => socket.write(SWITCH));
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    this.origins.push(origin);
    return `127.0.0.1:${(origin.address() as AddressInfo).port}`;
  }
}

/** Ports on which nobody listens. One that nobody holds may be given out twice. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const free = new Set<number>();
  while (free.size < count) free.add(await freePort());
  return [...free];
}

function flat(headers: http.IncomingHttpHeaders): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each): [string, string] => [name, each]),
  );
}
