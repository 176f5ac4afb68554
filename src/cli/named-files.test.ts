/** Files and folders that features of a configuration name: their paths, and what `millrace check` says of them. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { loadConfigFile } from "./config-file.ts";
import type { LoadedFile } from "./config-file.ts";

const FILES = {
  "page.html": "page",
  "good.html": "{error.status} {path}",
  "bad.html": "a\n{eror.status}",
  "latin1.html": Buffer.from([0xe9]),
};

async function load(t: TestContext, text: string): Promise<{ folder: string; loaded: LoadedFile; noted: string[] }> {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-named-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(FILES)) writeFileSync(path.join(folder, name), content);
  mkdirSync(path.join(folder, "public"));
  const file = path.join(folder, "millrace.yaml");
  writeFileSync(file, `listeners: [{ address: ":8080" }]\n${text}`);
  const noted: string[] = [];
  const loaded = await loadConfigFile(file, { noted: (name) => noted.push(path.relative(folder, name)) });
  return { folder, loaded, noted };
}

function messages(loaded: LoadedFile): string[] {
  const found = "config" in loaded ? loaded.warnings : loaded.problems;
  return found.map(({ severity, key, message }) => `${severity} ${key}: ${message.replace(/^\S*\//, "")}`);
}

test("paths are relative to the configuration's folder, wherever the key stands", async (t) => {
  const { folder, loaded, noted } = await load(
    t,
    `
error_pages: { 503: page.html }
maintenance: { flag_file: down }
upstreams: { app: { endpoints: ["http://127.0.0.1:1"], error_pages: { 502: { template: good.html, origin: true } } } }
routes:
  - { match: { path: /a }, upstream: app, error_pages: { 4xx: { file: page.html } }, maintenance: { flag_file: run/down } }
  - { match: { path: /b }, respond: { file: page.html } }
  - { files: { root: public } }
`,
  );
  assert.ok("config" in loaded, JSON.stringify(loaded));
  assert.deepEqual(messages(loaded), []);
  const [first, second, third] = loaded.config.routes;
  const at = (name: string): string => path.join(folder, name);
  assert.deepEqual(first?.error_pages, [
    { "503": { file: at("page.html"), origin: false } },
    { "502": { template: at("good.html"), origin: true } },
    { "4xx": { file: at("page.html"), origin: false } },
  ]);
  assert.deepEqual(
    first?.maintenance?.map(({ flag_file }) => flag_file),
    [at("down"), at("run/down")],
  );
  assert.deepEqual([second?.respond?.file, third?.files?.root], [at("page.html"), at("public")]);
  // `run --watch` watches the texts, and not what is looked for while requests are served.
  assert.deepEqual([...new Set(noted)].toSorted(), ["good.html", "millrace.yaml", "page.html"]);
});

test("what is not there, or cannot be used", async (t) => {
  const wrong = await load(
    t,
    `
error_pages: { 503: none.html, 502: { template: bad.html }, 501: latin1.html }
upstreams: {}
routes: [{ respond: {}, error_pages: { 404: { file: public } } }]
`,
  );
  assert.deepEqual(messages(wrong.loaded), [
    "error error_pages.503: none.html does not exist",
    "error error_pages.502.template: bad.html: there is no variable {eror. ...}; known are method, scheme, host, path, query, uri, client_ip, request_id, route, header.NAME, cookie.NAME, query.NAME, match.NAME, env.NAME; write {{eror.status} for a plain brace",
    "error error_pages.501: latin1.html is not in UTF-8",
    "error routes.#1.error_pages.404.file: public is a folder, not a file",
  ]);
  const doubtful = await load(t, "routes: [{ match: { path: /a }, files: { root: none } }, { files: { root: page.html } }]\n");
  assert.deepEqual(messages(doubtful.loaded), [
    "warning routes.#1.files.root: none does not exist",
    "warning routes.#2.files.root: page.html is a file, not a folder",
  ]);
});
