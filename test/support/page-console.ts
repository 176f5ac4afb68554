/** Runs the `console` blocks of pages in memory: what `curl` would print stands below its command. */
import assert from "node:assert/strict";
import type { TestProxy } from "../../src/testing/test-proxy.ts";
import { placeOf, wordsOf } from "./page-blocks.ts";
import type { Block } from "./page-blocks.ts";

/** A command and the lines that the page shows below it. */
interface Dialogue {
  readonly command: string;
  readonly shown: readonly string[];
}

/** Sends the request of each `curl` in the block through the proxy, and compares the answer with what the page shows. */
export async function runConsole(proxy: TestProxy, block: Block): Promise<void> {
  const dialogues = dialoguesOf(block);
  assert.ok(dialogues.length > 0, `${placeOf(block)}: no line begins with a dollar sign`);
  for (const { command, shown } of dialogues) {
    const printed = await curl(proxy, command);
    let from = 0;
    for (const line of shown) {
      if (line === "...") continue;
      const at = printed.findIndex((each, index) => index >= from && isSame(each, line));
      assert.notEqual(at, -1, `${placeOf(block)}: ${command}\nprints\n${printed.join("\n")}\nand not, or not there: ${line}`);
      from = at + 1;
    }
    // Without fields and without an ellipsis the page shows the whole body.
    if (!/ -[iI]/.test(command) && !shown.includes("...")) assert.equal(shown.length, printed.length, `${placeOf(block)}: ${command}`);
  }
}

function dialoguesOf({ text }: Block): Dialogue[] {
  const lines = text
    .trimEnd()
    .replace(/\\\n\s*/g, "")
    .split("\n");
  const starts = lines.flatMap((line, index) => (line.startsWith("$ ") ? [index] : []));
  return starts.map((start, index) => ({
    command: lines[start]?.slice(2) ?? "",
    shown: lines.slice(start + 1, starts[index + 1]).filter((line) => line !== ""),
  }));
}

/** Names of fields have no case. */
function isSame(printed: string, shown: string): boolean {
  const field = (line: string): string => line.replace(/^[\w-]+:/, (name) => name.toLowerCase());
  return field(printed) === field(shown);
}

/** The lines that `curl` would print. */
async function curl(proxy: TestProxy, command: string): Promise<string[]> {
  const words = wordsOf(command.replace(/\s#\s.*$/, ""));
  assert.equal(words.shift(), "curl", command);
  const headers: [string, string][] = [];
  let [method, body, url, withHead]: [string, string | null, string, boolean] = ["GET", null, "", false];
  while (words.length > 0) {
    const word = words.shift() ?? "";
    if (word === "-i") withHead = true;
    else if (word === "-I") [method, withHead] = ["HEAD", true];
    else if (word === "-X") method = words.shift() ?? "";
    else if (word === "-d") [method, body] = [method === "GET" ? "POST" : method, words.shift() ?? ""];
    else if (word === "-b") headers.push(["Cookie", words.shift() ?? ""]);
    else if (word === "-H") {
      const [, name = "", value = ""] = /^([^:]+):\s*(.*)$/.exec(words.shift() ?? "") ?? [];
      headers.push([name, value]);
    } else if (/^http:\/\/localhost(?::8080)?\//.test(word) && url === "") url = word;
    else assert.fail(`${command}: ${word} is no option that the test knows`);
  }
  if (body !== null && !headers.some(([name]) => name.toLowerCase() === "content-type"))
    headers.push(["Content-Type", "application/x-www-form-urlencoded"]);
  const response = await proxy.fetch(url, { method, headers, ...(body === null ? {} : { body }) });
  const text = await response.text();
  const head = [`HTTP/1.1 ${response.status} ${response.statusText}`, ...[...response.headers].map(([name, value]) => `${name}: ${value}`)];
  return [...(withHead ? head : []), ...text.replace(/\n$/, "").split("\n")].filter((line) => line !== "");
}
