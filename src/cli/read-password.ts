/** Reads a new password: twice from a terminal, without showing it, or as the one line of standard input. */
import { isUtf8 } from "node:buffer";
import readline from "node:readline";
import type { Readable } from "node:stream";
import { Writable } from "node:stream";
import { PASSWORD_BYTES_MAX } from "../policy/authentication/password-hash.ts";

export type GivenPassword = { readonly password: string } | { readonly problem: string };

export type PasswordSource = () => Promise<GivenPassword>;

/** Asks for the password twice. @param show prints a prompt; what is typed is not shown */
export async function passwordOnTerminal(terminal: Readable, show: (text: string) => void): Promise<GivenPassword> {
  const lines = readline.createInterface({ input: terminal, output: nowhere(), terminal: true, historySize: 0 });
  const typed: string[] = [];
  await new Promise<void>((resolve) => {
    lines.on("line", (line) => {
      typed.push(line);
      // The key that ends a line was not shown either.
      show("\n");
      if (line === "" || typed.length === 2) lines.close();
      else show("The same again: ");
    });
    // Also after Ctrl-C and Ctrl-D, and when the terminal goes away.
    lines.once("close", resolve);
    show("New password: ");
  });
  const [first, second] = typed;
  if (first === "") return { password: first };
  if (first === undefined || second === undefined) {
    show("\n");
    return { problem: "no password was given" };
  }
  return first === second ? { password: first } : { problem: "the two passwords differ" };
}

/** Reads all of a stream, which is one line. Its end (LF or CR LF) is not a part of the password. */
export async function passwordFromStream(stream: Readable): Promise<GivenPassword> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    pieces.push(piece);
    size += piece.length;
    if (size > PASSWORD_BYTES_MAX + 2) return { problem: `standard input is longer than a password may be, ${PASSWORD_BYTES_MAX} bytes` };
  }
  const bytes = Buffer.concat(pieces);
  if (!isUtf8(bytes)) return { problem: "standard input is no UTF-8" };
  const password = bytes.toString().replace(/\r?\n$/, "");
  return /[\r\n]/.test(password) ? { problem: "standard input has more than one line" } : { password };
}

/** Where the line editor writes what is typed. */
function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
