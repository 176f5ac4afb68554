/** Runs the rows of one theme of the fault matrix, one after the other, against one proxy and one origin. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ScriptedOrigin } from "../support/scripted-origin.ts";
import { openBlackHole } from "./black-hole.ts";
import { checkRow } from "./check-row.ts";
import { countsOf, throughFetch, throughHandler } from "./embedded-rows.ts";
import type { EmbeddedCounts } from "./embedded-rows.ts";
import { LISTENERS } from "./row.ts";
import type { ListenerName, Row } from "./row.ts";
import { assertHealthy, runCommand, runEmbedded } from "./stage.ts";
import type { Stage } from "./stage.ts";
import { originContexts } from "./tls-origin.ts";
import type { Version } from "./tls-origin.ts";
import { configOf, endpointUrls, slug } from "./theme-config.ts";

const ALL_LISTENERS = Object.keys(LISTENERS) as ListenerName[];

export interface ThemeOptions {
  readonly workers?: number;
  /** The origin's port is a black hole on ::1. */
  readonly silentIpv6?: boolean;
  /** The proxy may not look at what is inside Node, and its sockets are Node's streams. */
  readonly throughStreams?: boolean;
  /** The listeners speak TLS. */
  readonly overTls?: boolean;
  /** The origins speak TLS of this version. */
  readonly toTls?: Version;
  /** The proxy is embedded in a program, and this listener's limits are those of the program's clients. */
  readonly embeddedAs?: ListenerName;
  /** The program hands requests to `proxy.fetch`. */
  readonly byFetch?: boolean;
}

/** Embedded proxies share a program and its log, so their paths must differ. */
let embeddedThemes = 0;

export function theme(name: string, rows: readonly Row[], options: ThemeOptions = {}): void {
  const { workers = 1, embeddedAs, silentIpv6 = false, throughStreams = false, overTls = false, toTls } = options;
  const prefix = embeddedAs === undefined ? "" : `in-${++embeddedThemes}-`;
  describe(name, { concurrency: 1 }, () => {
    let stage: Stage | null = null;
    const closers: (() => Promise<void>)[] = [];

    before(async () => {
      assert.equal(new Set(rows.map((row) => row.name)).size, rows.length, "two rows have one name");
      const [origin, second] = await Promise.all([startOrigin(toTls), startOrigin(toTls)]);
      closers.push(
        () => origin.close(),
        () => second.close(),
      );
      let blackHolePort = 0;
      if (rows.some(({ endpoints }) => endpoints?.includes("black hole"))) {
        const blackHole = await openBlackHole();
        blackHolePort = blackHole.port;
        closers.push(() => blackHole.close());
      }
      if (silentIpv6) {
        const blackHole = await openBlackHole("::1", origin.port);
        closers.push(() => blackHole.close());
      }
      const urls = endpointUrls(origin.port, second.port, blackHolePort, toTls !== undefined);
      const staged =
        embeddedAs === undefined
          ? await runCommand(
              configOf(rows, urls, { prefix, listeners: ALL_LISTENERS, workers, overTls, toTls: toTls !== undefined }),
              workers,
              throughStreams,
              overTls,
            )
          : await runEmbedded(configOf(rows, urls, { prefix, listeners: [embeddedAs], workers: null }), options.byFetch === true);
      stage = { ...staged, origin, second, workers, settled: null };
    });

    after(async () => {
      for (const close of closers) await close();
      if (stage === null) return;
      assertHealthy(stage.proxy.output());
      stage.proxy.release();
    });

    for (const [index, row] of rows.entries()) {
      test(row.name, { timeout: 45_000, skip: row.skip ?? false }, async () => {
        assert.ok(stage !== null);
        await checkRow(stage, row, slug(row, index, prefix));
      });
    }
  });
}

async function startOrigin(toTls: Version | undefined): Promise<ScriptedOrigin> {
  return await ScriptedOrigin.start("127.0.0.1", 0, toTls === undefined ? null : await originContexts(toTls));
}

/**
 * The theme for one worker and its raw sockets; for one on the streams of Node; over TLS on both; through a program that embeds the proxy; and a few of its rows
 * for two workers: of those that lead to one endpoint, for threads begin their turns at different ones.
 */
export function themes(name: string, rows: readonly Row[], counts: EmbeddedCounts, options: ThemeOptions = {}): void {
  const alike = rows.filter(({ endpoints = [], listener }) => endpoints.length < 2 && listener === undefined);
  const few = alike.filter((_, index) => index % 4 === 0);
  describe(name, { concurrency: true }, () => {
    theme("one worker", rows, options);
    theme("two workers", few, { ...options, workers: 2 });
    const inStreams = rows.filter(({ beyondStreams }) => beyondStreams !== true);
    theme("through the streams of Node", inStreams, { ...options, throughStreams: true });
    theme("over TLS", rows, { ...options, overTls: true });
    const inTlsStreams = inStreams.filter(({ beyondTlsStreams }) => beyondTlsStreams !== true);
    theme("over TLS, through the streams of Node", inTlsStreams, { ...options, overTls: true, throughStreams: true });
    embeddedTheme(rows, counts, options);
  });
}

/**
 * The theme through a program that embeds the proxy, by `proxy.handler` and by `proxy.fetch`. The limits of a program's clients are the proxy's, so
 * there is a proxy for each listener.
 */
export function embeddedTheme(rows: readonly Row[], counts: EmbeddedCounts, options: ThemeOptions = {}): void {
  test("each row has a client of an embedded proxy too, or says why not", () => assert.deepEqual(countsOf(rows), counts));
  for (const embeddedAs of ALL_LISTENERS) {
    const those = rows.filter(({ listener = "patient" }) => listener === embeddedAs);
    const byHandler = those.flatMap(throughHandler);
    if (byHandler.length > 0) theme(`through a program, ${embeddedAs}`, byHandler, { ...options, embeddedAs });
    const byFetch = those.flatMap(throughFetch);
    if (byFetch.length > 0) theme(`through a program, by fetch, ${embeddedAs}`, byFetch, { ...options, embeddedAs, byFetch: true });
  }
}
