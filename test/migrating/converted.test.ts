/** What `millrace convert` makes of the left cells of docs/migrating/nginx.md does what the page promises of the right ones. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sources } from "../../src/convert/convert.fixture.ts";
import { convert } from "../../src/convert/convert.ts";
import { testProxy } from "../../src/testing/test-proxy.ts";
import { rowsOf } from "../support/migration-rows.ts";
import { FILES, compare, origin, tryInMemory } from "../support/migration-trial.ts";
import type { Trial } from "../support/migration-trial.ts";
import { outsideOf, serverOf } from "./nginx-server.ts";
import { NGINX_TRIALS } from "./nginx-trials.ts";

const FOLDER = "/srv";
const UPSTREAMS = "upstream app { server 127.0.0.1:60408; }\nupstream next { server 127.0.0.1:60409; }";

/** What `millrace convert` leaves to its reader, with a note. */
const NOTED: readonly RegExp[] = [/^split_clients /, /\bmirror /];

for (const row of rowsOf("nginx").filter(({ kind, theirs }) => kind.startsWith("route") && NGINX_TRIALS[theirs] !== undefined)) {
  test(`${row.page}:${row.line}, converted: ${row.theirs}`, async () => {
    const text = `events {}\nhttp {\n${UPSTREAMS}\n${outsideOf(row)}\n${serverOf(row, "8080", FOLDER)}\n}\n`;
    const files = Object.fromEntries(Object.entries(FILES).map(([name, content]) => [`${FOLDER}/${name}`, content]));
    const made = convert(text, "nginx.conf", { format: "nginx" }, sources(files));
    assert.ok("text" in made, JSON.stringify(made));
    if (NOTED.some((pattern) => pattern.test(row.theirs))) {
      assert.notEqual(made.notes.length, 0);
      return;
    }
    const names = ["app", "next"].filter((name) => new RegExp(`^  ${name}:`, "m").test(made.text));
    const upstreams = Object.fromEntries(names.map((name) => [name, origin(name)]));
    for (const trial of NGINX_TRIALS[row.theirs] ?? []) {
      if (trial.onlyOurs === true) continue;
      using proxy = await testProxy(made.text, { upstreams, files });
      compare(inMemory(trial), await tryInMemory(proxy, trial, names), `${trial.ask}\n${made.text}`);
    }
  });
}

function inMemory(trial: Trial): Trial {
  const own = (value: string | null): string | null => (value === "CLIENT" ? "192.0.2.1" : value);
  return { ...trial, sent: Object.fromEntries(Object.entries(trial.sent ?? {}).map(([name, value]) => [name, own(value)])) };
}
