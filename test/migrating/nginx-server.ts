/** The place of a row of docs/migrating/nginx.md in a whole nginx.conf. */
import type { Row } from "../support/migration-rows.ts";

/** What stands outside of servers. */
const OUTSIDE = /^(limit_(?:req|conn)_zone|split_clients) /;

/** The lines of the row that stand beside servers. */
export function outsideOf({ theirs }: Row): string {
  return theirs
    .split("\n")
    .filter((line) => OUTSIDE.test(line))
    .join("\n");
}

/** A server with the row's left cell in the place where it belongs. */
export function serverOf({ kind, theirs }: Row, listen: string, folder: string): string {
  const lines = theirs.split("\n").filter((line) => !OUTSIDE.test(line));
  const inside = kind === "routes" ? lines : [];
  const rest = kind === "route" ? lines : [];
  const pass = theirs.includes("return ") ? "" : "proxy_pass http://app;";
  const location = inside.some((line) => line.startsWith("location")) ? "" : `location / { ${rest.join(" ")} ${pass} }`;
  const text = inside.join(" ").replaceAll("FOLDER", `${folder}/public`);
  return `server { listen ${listen}; root ${folder}/public; ${text} ${location} }`;
}
