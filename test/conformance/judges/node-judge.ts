/** Node's own server, which is llhttp. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { valuesOf } from "../strict-grammar.ts";
import { told } from "./judge.ts";
import type { Judge, JudgeKind } from "./judge.ts";

export const nodeJudge: JudgeKind = {
  name: "node:http",
  missing: () => null,
  start,
  limits: [
    { why: "llhttp knows a fixed list of methods", applies: ({ method }) => !http.METHODS.includes(method) },
    {
      why: "it stops reading behind an Upgrade, switch or not",
      nothingBehind: true,
      applies: ({ fields }) => valuesOf(fields, "upgrade").length > 0,
    },
  ],
};

async function start(): Promise<Judge> {
  const server = http.createServer({ maxHeaderSize: 64 * 1024 }, (request, response) => {
    const body: Buffer[] = [];
    request.on("data", (chunk: Buffer) => body.push(chunk));
    // Not before the end: an unfinished request is none.
    request.on("end", () => {
      response.setHeader("X-Seen", told(request.method ?? "", request.url ?? "", Buffer.concat(body)));
      response.setHeader("Content-Length", "0");
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
