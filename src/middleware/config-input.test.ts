/** What the compiler says of a configuration in TypeScript. Where it should refuse a line, it fails if it does not. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkConfig } from "../config/load.ts";
import { formatProblem } from "../config/problems/problem.ts";
import { readObject } from "../config/document/read-object.ts";
import { isVocabulary } from "../config/schema/foreign-keys.ts";
import { defineConfig } from "../millrace.ts";
import type { Address, Duration, Size } from "../millrace.ts";
import { defineMiddleware } from "./define-middleware.ts";
import { GivenMiddleware } from "./given-middleware.ts";

const listeners = [{ address: ":8080" }] as const;
const app = { endpoints: ["http://127.0.0.1:3000"] };

/** What is wrong with a configuration when it is loaded. */
function errorsOf(config: unknown, environment: Record<string, string> = {}): string[] {
  const result = checkConfig(readObject(config, isVocabulary), "f", environment, () => "");
  return "problems" in result ? result.problems.filter(({ severity }) => severity === "error").map(formatProblem) : [];
}

describe("the compiler and the names of upstreams", () => {
  test("knows the names that a route may refer to", () => {
    assert.deepEqual(errorsOf(defineConfig({ listeners, upstreams: { app, next: app }, routes: [{ upstream: "next" }] })), []);
    // @ts-expect-error: there is no such upstream
    const one = defineConfig({ listeners, upstreams: { app }, routes: [{ upstream: "ap" }] });
    const two = defineConfig({
      listeners,
      upstreams: { app },
      // @ts-expect-error: the second route is wrong
      routes: [{ match: { path: "/a" }, upstream: "app" }, { upstream: "ap" }],
    });
    // @ts-expect-error: the second name is wrong
    const split = defineConfig({ listeners, upstreams: { app }, routes: [{ split: [{ upstream: "app" }, { upstream: "ap" }] }] });
    // @ts-expect-error: there are no upstreams at all
    const none = defineConfig({ listeners, upstreams: {}, routes: [{ upstream: "app" }] });
    const mirror = defineConfig({
      listeners,
      upstreams: { app },
      // @ts-expect-error: there is no such upstream to mirror to
      routes: [{ upstream: "app", mirror: { upstream: "ap" } }],
    });
    for (const config of [one, two, split, none, mirror]) assert.equal(errorsOf(config).length, 1);
  });

  test("takes names that are made while the program runs", () => {
    const tenants = ["a", "b"];
    const upstreams = Object.fromEntries(tenants.map((tenant) => [tenant, app]));
    const routes = tenants.map((tenant) => ({ match: { host: tenant }, upstream: tenant }));
    assert.deepEqual(errorsOf(defineConfig({ listeners, upstreams, routes: [...routes, { upstream: "a" }] })), []);
    const made = tenants.map((tenant) => ({ match: { host: tenant }, upstream: "app" }));
    assert.deepEqual(
      errorsOf(defineConfig({ listeners, upstreams: { app }, routes: [...made, { upstream: process.env["NONE"] ?? "app" }] })),
      [],
    );
  });

  test("takes any name where other files are included, and then needs no routes", () => {
    defineConfig({ listeners, include: "conf.d/*.yaml", upstreams: { app }, routes: [{ upstream: "of-another-file" }] });
    defineConfig({ listeners, include: ["a.yaml", "b.yaml"] });
    // @ts-expect-error: no path
    defineConfig({ listeners, include: [1] });
    // @ts-expect-error: no routes, and no file that could bring them
    defineConfig({ listeners, upstreams: { app } });
  });

  test("still knows all other keys, and the two forms", () => {
    // @ts-expect-error: there is no such key in a route
    defineConfig({ listeners, upstreams: { app }, routes: [{ upstream: "app", max_bdy: 1 }] });
    // @ts-expect-error: nor in an upstream
    defineConfig({ listeners, upstreams: { app: { ...app, timeout: "1s" } }, routes: [{ upstream: "app" }] });
    // @ts-expect-error: a key of the other form
    defineConfig({ listeners, upstreams: { app }, routes: [{ upstream: "app" }], health_check: {} });
    // @ts-expect-error: the short form has no routes
    defineConfig({ backends: ["http://127.0.0.1:1"], routes: [] });
  });
});

describe("the compiler and texts that have a form", () => {
  const withTimeout = (idle: Duration | 0, max_body: Size | number = 1): unknown =>
    defineConfig({ listeners, upstreams: { app: { ...app, timeouts: { idle } } }, routes: [{ upstream: "app", max_body }] });

  test("takes every duration and size that Millrace takes", () => {
    for (const idle of [
      "250ms",
      "10s",
      "5m",
      "1h",
      "1m30s",
      "1h30m",
      "1h0.5s",
      "1h2m3s4ms",
      "2s500ms",
      "1.5h",
      "1h5ms",
      "1m5ms",
      "1h2m5ms",
    ] as const)
      assert.deepEqual(errorsOf(withTimeout(idle)), [], idle);
    for (const size of ["64KiB", "10MiB", "10MB", "10kB", "1 GiB", "10B", "10", 10] as const)
      assert.deepEqual(errorsOf(withTimeout("1s", size)), [], `${size}`);
  });

  test("refuses what lacks a unit or has another one", () => {
    // @ts-expect-error: no unit
    assert.equal(errorsOf(withTimeout("10")).length, 1);
    // @ts-expect-error: a number is no duration
    assert.equal(errorsOf(withTimeout(10)).length, 1);
    // @ts-expect-error: days are none
    assert.equal(errorsOf(withTimeout("1d")).length, 1);
    // @ts-expect-error: in descending order
    assert.equal(errorsOf(withTimeout("1s1m")).length, 1);
    // @ts-expect-error: no size
    assert.equal(errorsOf(withTimeout("1s", "10 megabytes")).length, 1);
  });

  test("takes variables of the environment, and texts that are made while the program runs", () => {
    assert.deepEqual(errorsOf(withTimeout("${IDLE}", "${MAX:-1MiB}"), { IDLE: "1s" }), []);
    assert.deepEqual(errorsOf(withTimeout("${SECONDS}s"), { SECONDS: "10" }), []);
    const seconds = 10;
    const given: string = "10s";
    assert.deepEqual(errorsOf(withTimeout(`${seconds}s`)), []);
    assert.deepEqual(errorsOf(withTimeout(given as Duration)), []);
    // @ts-expect-error: any text may be something else
    assert.deepEqual(errorsOf(withTimeout(given)), []);
  });

  test("knows an address by its colon", () => {
    const at = (address: Address): string[] =>
      errorsOf(defineConfig({ listeners: [{ address }], upstreams: { app }, routes: [{ upstream: "app" }] }), { ADDRESS: ":80" });
    for (const address of [
      ":8080",
      "127.0.0.1:80",
      "[::1]:80",
      "unix:/run/a.sock",
      "fd:3",
      `:${process.env["NONE"] ?? 80}`,
      "${ADDRESS}",
    ] as const)
      assert.deepEqual(at(address), [], address);
    // @ts-expect-error: a port alone
    assert.equal(at("8080").length, 1);
    // @ts-expect-error: a name alone
    assert.equal(at("localhost").length, 1);
  });
});

describe("the compiler and defaults", () => {
  test("takes false for a key that may be taken out, and no other", () => {
    const config = defineConfig({
      listeners,
      upstreams: { app: { ...app, health_check: false } },
      routes: [{ upstream: "app", cors: false, max_body: false }],
      defaults: { routes: { cors: { allowed_origins: ["https://a.test"] }, max_body: "1MiB" }, upstreams: { health_check: {} } },
    });
    assert.deepEqual(errorsOf(config), []);
    // @ts-expect-error: the number of retries is a number in any case
    defineConfig({ listeners, upstreams: { app: { ...app, retries: false } }, routes: [{ upstream: "app" }] });
    // @ts-expect-error: a route says itself where its requests go
    defineConfig({ listeners, upstreams: { app }, routes: [{ upstream: "app" }], defaults: { routes: { upstream: "app" } } });
    // @ts-expect-error: no duration
    defineConfig({ listeners, upstreams: { app }, routes: [{ upstream: "app" }], defaults: { upstreams: { timeouts: { idle: "1" } } } });
  });

  test("takes a middleware itself, also in the defaults of routes", () => {
    const stamp = defineMiddleware({ name: "stamp", setup: () => ({}) });
    const config = defineConfig({
      listeners,
      upstreams: { app },
      routes: [{ upstream: "app", middleware: [stamp()] }],
      defaults: { routes: { middleware: [stamp()] } },
    });
    const held = new GivenMiddleware(config);
    assert.deepEqual(held.names, ["stamp", "stamp"]);
    assert.deepEqual(errorsOf(held.config), []);
  });
});
