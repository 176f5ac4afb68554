/**
 * The library that writes certificates, `@peculiar/x509`, loaded without a trace outside it. Loading takes some 70 ms, so the code of a command or a
 * configuration that needs no certificates of ours imports this file late.
 */
import { createRequire } from "node:module";
import type * as X509 from "@peculiar/x509";

/** Use this and not the package itself, whose import fails. Types come from the package. */
export const x509: typeof X509 = load();

/**
 * A part of the library (tsyringe) refuses to load unless the global `Reflect` has `getMetadata`, which the package `reflect-metadata` adds for good.
 * Nothing here stands on what it would find: the classes that tsyringe makes take no arguments. So `Reflect` has functions that find nothing, and only
 * while the library loads, which is one synchronous step. A program that embeds the proxy keeps its own `Reflect`.
 */
function load(): typeof X509 {
  const require = createRequire(import.meta.url);
  if ("getMetadata" in Reflect) return require("@peculiar/x509");
  const names = ["getMetadata", "getOwnMetadata", "defineMetadata"];
  for (const name of names) Reflect.defineProperty(Reflect, name, { value: findNothing, configurable: true });
  try {
    return require("@peculiar/x509");
  } finally {
    for (const name of names) Reflect.deleteProperty(Reflect, name);
  }
}

function findNothing(): undefined {
  return undefined;
}
