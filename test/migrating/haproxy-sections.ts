/** The place of a row of docs/migrating/haproxy.md in a whole haproxy.cfg. */
import type { Row } from "../support/migration-rows.ts";
import { FILES } from "../support/migration-trial.ts";

/** What stands in a backend and nowhere else. */
const OF_BACKENDS = /^(?:retries|retry-on|option redispatch|timeout server) ?/;
/** A section of its own, and what stands in it. */
const OF_USERS = /^user(?:list)? /;
const HASH = (FILES["users.htpasswd"] ?? "").split(":")[1]?.trim() ?? "";
/** What stands in `global`. */
const OF_ALL = /^(?:nbthread|log |hard-stop-after|stats socket)/;

/** A frontend at that port with the lines of the row, and its backend. */
export function sectionsOf({ theirs }: Row, index: number, port: number, app: string, folder: string): string {
  const all = theirs
    .replaceAll("FOLDER", folder)
    .replaceAll("$2y$...", () => HASH)
    .split("\n");
  const users = all.filter((line) => OF_USERS.test(line));
  const lines = all.filter((line) => !OF_USERS.test(line));
  const own = lines.filter((line) => OF_BACKENDS.test(line));
  const front = lines.filter((line) => !OF_BACKENDS.test(line) && line !== "default_backend app");
  return [
    ...users.slice(0, 1).map((name) => section(name, users.slice(1))),
    section(`frontend f${index}`, [`bind 127.0.0.1:${port}`, ...front, `default_backend b${index}`]),
    section(`backend b${index}`, [...own, `server a ${app}`]),
  ].join("");
}

/** A whole file with a row that is no part of a route. Files that it names are in the folder. */
export function fileOf({ kind, theirs }: Row, folder: string): string {
  const lines = theirs.replaceAll("FOLDER", folder).split("\n");
  const isIn = (name: string): readonly string[] => {
    if (kind === "upstream") return name === "backend" ? lines : [];
    if (kind === "listener") return name === "frontend" ? lines : [];
    return lines.filter((line) => OF_ALL.test(line) === (name === "global") && name !== "backend");
  };
  const server = lines.some((line) => line.startsWith("server ")) ? [] : ["server z 127.0.0.1:1"];
  const bind = lines.some((line) => line.startsWith("bind ")) ? [] : ["bind :8080"];
  return [
    section("global", [`crt-base ${folder}`, `ca-base ${folder}`, ...isIn("global")]),
    DEFAULTS,
    section("frontend f", [...bind, ...isIn("frontend"), "default_backend b"]),
    section("backend b", [...isIn("backend"), ...server]),
  ].join("");
}

export const DEFAULTS: string = section("defaults", ["mode http", "timeout connect 5s", "timeout client 10s", "timeout server 10s"]);

export function section(name: string, lines: readonly string[]): string {
  return `${name}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}
