/**
 * A small origin server to try Millrace with. It answers every request with `Response from Backend NAME`, and `/health` with `ok`. It is also
 * a program of its own: `node demo-origin.js NAME PORT [HOST]`.
 */
import http from "node:http";
import { existsSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { messageOf } from "../base/errors.ts";

/** Starts an origin server. Resolves when it accepts connections; rejects with the error of node:net when it cannot listen. */
export function startOrigin(name: string, port: number, host: string): Promise<http.Server> {
  const server = http.createServer((request, response) => {
    const body = request.url === "/health" ? "ok" : `Response from Backend ${name}`;
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8", "content-length": Buffer.byteLength(body) });
    response.end(request.method === "HEAD" ? undefined : body);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve(server));
  });
}

if (isEntryFile(process.argv[1] ?? "")) await program(process.argv.slice(2));

async function program([name, portText, host = "127.0.0.1"]: readonly string[]): Promise<void> {
  const port = Number(portText);
  if (name === undefined || !Number.isInteger(port) || port < 0 || port > 65_535) {
    process.stderr.write("usage: demo-origin NAME PORT [HOST]\n");
    process.exitCode = 1;
    return;
  }
  try {
    const server = await startOrigin(name, port, host);
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.once(signal, () => {
        server.close();
        server.closeAllConnections();
      });
    }
    // Written last, because a program that reads this line may send a signal at once.
    process.stdout.write(`origin ${name} listening on ${host}:${port}\n`);
  } catch (error) {
    process.stderr.write(`origin ${name}: ${messageOf(error)}\n`);
    process.exitCode = 2;
  }
}

function isEntryFile(path: string): boolean {
  return existsSync(path) && realpathSync(path) === fileURLToPath(import.meta.url);
}
