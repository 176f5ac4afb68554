/**
 * `idle-program.ts PORT COUNT HEAD [tls]`: opens COUNT connections, over TLS if it says so, sends one request on each, and then leaves them idle. Opens a hundred at a time from
 * several addresses of 127.0.0.0/8, so that neither ports nor a proxy's limit per client run out. Prints `open N` when each connection has had its
 * answer, and holds them until the program is ended. Any failure ends it with a message.
 */
import net from "node:net";
import tls from "node:tls";
import { AnswerReader } from "./answer-reader.ts";

const AT_ONCE = 100;
const PER_ADDRESS = 1000;

const [port = 0, count = 0] = process.argv.slice(2, 4).map(Number);
const request = process.argv[4] ?? "";
const overTls = process.argv[5] === "tls";
const secureContext = tls.createSecureContext();
if (!(port > 0 && count > 0) || request === "") throw new Error("usage: PORT COUNT HEAD");

for (let first = 0; first < count; first += AT_ONCE) {
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, index) => openAndAsk(first + index)));
}
process.stdout.write(`open ${count}\n`);

function openAndAsk(index: number): Promise<void> {
  const localAddress = `127.0.0.${2 + Math.floor(index / PER_ADDRESS)}`;
  const reader = new AnswerReader();
  return new Promise((resolve) => {
    const to = { port, host: "127.0.0.1", localAddress };
    const ask = (): boolean => socket.write(request, "latin1");
    const socket = overTls ? tls.connect({ ...to, secureContext, rejectUnauthorized: false }, ask) : net.connect(to, ask);
    socket.on("data", (chunk: Buffer) => {
      const answer = reader.push(chunk);
      if (answer === null) return;
      if (answer.status !== 200 || answer.last) fail(`connection ${index}: status ${answer.status}${answer.last ? ", and it closes" : ""}`);
      resolve();
    });
    socket.once("error", (error) => fail(`connection ${index}: ${error.message}`));
    socket.once("close", () => fail(`connection ${index} was closed`));
  });
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
