/**
 * What `millrace convert` makes of the left cells of docs/migrating/nginx.md and caddy.md does what the pages promise of the right ones, or says
 * in a note what it leaves out.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sources } from "../../src/convert/convert.fixture.ts";
import { convert } from "../../src/convert/convert.ts";
import type { Format } from "../../src/convert/convert.ts";
import { testProxy } from "../../src/testing/test-proxy.ts";
import type { Trials } from "../support/migration-page.ts";
import { rowsOf } from "../support/migration-rows.ts";
import type { Row } from "../support/migration-rows.ts";
import { FILES, compare, origin, tryInMemory } from "../support/migration-trial.ts";
import type { Trial } from "../support/migration-trial.ts";
import { siteOf } from "./caddy-site.ts";
import { CADDY_TRIALS } from "./caddy-trials.ts";
import { outsideOf, serverOf } from "./nginx-server.ts";
import { NGINX_TRIALS } from "./nginx-trials.ts";

const FOLDER = "/srv";
const UPSTREAMS = "upstream app { server 127.0.0.1:60408; }\nupstream next { server 127.0.0.1:60409; }";
const NGINX_FILES = Object.fromEntries(Object.entries(FILES).map(([name, content]) => [`${FOLDER}/${name}`, content]));

/** nginx finds it beside its own file. */
const USERS = { "users.htpasswd": FILES["users.htpasswd"] ?? "" };

/** What is left to the reader, with a note; of nginx nothing. */
const NOTED: Readonly<Record<Format, RegExp>> = {
  nginx: /(?!)/,
  caddy: /^(method|handle_errors|@failed|request_header X-Request-Id|lb_try_duration) ?/,
};
/** In Caddy nothing is logged without `log`, so there is nothing to skip. */
const WITHOUT_EFFECT = /^log_skip$/;

testRows(
  "nginx",
  "nginx.conf",
  NGINX_TRIALS,
  NGINX_FILES,
  (row) => `events {}\nhttp {\n${UPSTREAMS}\n${outsideOf(row)}\n${serverOf(row, "8080", FOLDER)}\n}\n`,
);
testRows("caddy", "Caddyfile", CADDY_TRIALS, FILES, (row) => `${siteOf(row)}\n`);

function testRows(
  format: Format,
  name: string,
  trials: Trials,
  files: Readonly<Record<string, string>>,
  textOf: (row: Row) => string,
): void {
  for (const row of rowsOf(format)) {
    const own = trials[row.theirs];
    if (own === undefined || !row.kind.startsWith("route") || WITHOUT_EFFECT.test(row.theirs)) continue;
    test(`${row.page}:${row.line}, converted: ${row.theirs}`, async () => {
      const made = convert(textOf(row), name, { format }, sources(files));
      assert.ok("text" in made, JSON.stringify(made));
      if (NOTED[format].test(row.theirs)) return assert.notEqual(made.notes.length, 0);
      const names = upstreamsIn(made.text);
      const upstreams = Object.fromEntries(names.map((upstream) => [upstream, origin(upstream === "next" ? "next" : "app")]));
      for (const trial of own.filter(({ onlyOurs }) => onlyOurs !== true || format === "caddy")) {
        const beside = Object.fromEntries(made.files.map(({ name: file, text }) => [file, text]));
        using proxy = await testProxy(made.text, { upstreams, files: { ...files, ...USERS, ...beside } });
        compare(converted(trial, format), await tryInMemory(proxy, trial, names), `${trial.ask}\n${made.text}`);
      }
    });
  }
}

function upstreamsIn(text: string): string[] {
  const [, block = ""] = /^upstreams:\n((?: .*\n)*)/m.exec(text) ?? [];
  return [...block.matchAll(/^ {2}([\w.-]+):/gm)].map(([, name = ""]) => name);
}

/** The same trial with what this place calls client and origin. */
function converted(trial: Trial, format: Format): Trial {
  const names: Readonly<Record<string, string>> = {
    CLIENT: "192.0.2.1",
    ...(format === "caddy" ? { "127.0.0.1:60408": "localhost:3000" } : {}),
  };
  const sent = Object.entries(trial.sent ?? {}).map(([name, value]) => [name, typeof value === "string" ? (names[value] ?? value) : value]);
  return { ...trial, sent: Object.fromEntries(sent) };
}
