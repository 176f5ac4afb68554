/** Runs the rows of one theme of the fault matrix, one after the other, against one proxy and one origin. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ScriptedOrigin } from "../support/scripted-origin.ts";
import { openBlackHole } from "./black-hole.ts";
import { checkRow } from "./check-row.ts";
import { LISTENERS } from "./row.ts";
import type { ListenerName, Row } from "./row.ts";
import { assertHealthy, runCommand, runEmbedded } from "./stage.ts";
import type { Stage } from "./stage.ts";
import { configOf, endpointUrls, slug } from "./theme-config.ts";

const ALL_LISTENERS = Object.keys(LISTENERS) as ListenerName[];

export interface ThemeOptions {
  readonly workers?: number;
  /** The origin's port is a black hole on ::1. */
  readonly silentIpv6?: boolean;
  /** The proxy may not look at what is inside Node, and its sockets are Node's streams. */
  readonly throughStreams?: boolean;
  /** The proxy is embedded in a program, and this listener's limits are those of the program's clients. */
  readonly embeddedAs?: ListenerName;
}

/** Embedded proxies share a program and its log, so their paths must differ. */
let embeddedThemes = 0;

export function theme(name: string, rows: readonly Row[], options: ThemeOptions = {}): void {
  const { workers = 1, embeddedAs, silentIpv6 = false, throughStreams = false } = options;
  const prefix = embeddedAs === undefined ? "" : `in-${++embeddedThemes}-`;
  describe(name, { concurrency: 1 }, () => {
    let stage: Stage | null = null;
    const closers: (() => Promise<void>)[] = [];

    before(async () => {
      assert.equal(new Set(rows.map((row) => row.name)).size, rows.length, "two rows have one name");
      const [origin, second] = await Promise.all([ScriptedOrigin.start(), ScriptedOrigin.start()]);
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
      const urls = endpointUrls(origin.port, second.port, blackHolePort);
      const staged =
        embeddedAs === undefined
          ? await runCommand(configOf(rows, urls, { prefix, listeners: ALL_LISTENERS, workers }), workers, throughStreams)
          : await runEmbedded(configOf(rows, urls, { prefix, listeners: [embeddedAs], workers: null }));
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

/**
 * The theme for one worker and its raw sockets; for one on the streams of Node; through a program that embeds the proxy; and a few of its rows
 * for two workers: of those that lead to one endpoint, for threads begin their turns at different ones.
 */
export function themes(name: string, rows: readonly Row[], counts: HostCounts, options: ThemeOptions = {}): void {
  const alike = rows.filter(({ endpoints = [], listener }) => endpoints.length < 2 && listener === undefined);
  const few = alike.filter((_, index) => index % 4 === 0);
  describe(name, { concurrency: true }, () => {
    theme("one worker", rows, options);
    theme("two workers", few, { ...options, workers: 2 });
    const inStreams = rows.filter(({ beyondStreams }) => beyondStreams !== true);
    theme("through the streams of Node", inStreams, { ...options, throughStreams: true });
    embeddedTheme(rows, counts, options);
  });
}

/** How many rows there are whose clients may come through a program as well. */
export interface HostCounts {
  /** What they expect of a listener holds for these. */
  readonly same: number;
  /** These expect something else. */
  readonly differ: number;
  /** These cannot run. */
  readonly leftOut: number;
}

/** The theme through a program that embeds the proxy. A client's limits are those of its proxy, so there is one for each listener. */
export function embeddedTheme(rows: readonly Row[], counts: HostCounts, options: ThemeOptions = {}): void {
  test("each row has a client of an embedded proxy too, or says why not", () => {
    const leftOut = rows.filter(({ throughHost }) => throughHost !== undefined && "leftOut" in throughHost).length;
    const differ = rows.filter(({ throughHost }) => throughHost !== undefined && "expect" in throughHost).length;
    assert.deepEqual({ same: rows.length - differ - leftOut, differ, leftOut }, counts);
  });
  for (const embeddedAs of ALL_LISTENERS) {
    const those = rows.flatMap((row) => ((row.listener ?? "patient") === embeddedAs ? embedded(row) : []));
    if (those.length > 0) theme(`through a program, ${embeddedAs}`, those, { ...options, embeddedAs });
  }
}

function embedded(row: Row): readonly Row[] {
  const { throughHost } = row;
  if (throughHost === undefined) return [row];
  return "leftOut" in throughHost ? [] : [{ ...row, ...throughHost, expect: { ...row.expect, ...throughHost.expect } }];
}
