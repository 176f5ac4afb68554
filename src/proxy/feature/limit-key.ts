/** The key under which a request counts: for `rate_limit` and `token_limit`. */
import { clientKey } from "../../base/client-key.ts";
import { memberTexts } from "../../policy/authentication/claims.ts";
import { normalizePath } from "../../policy/route/normalize-path.ts";
import { cookieValue } from "../../policy/template/request-values.ts";
import type { ExchangeView } from "./middleware.ts";

/**
 * Makes the function that gives the key of a request. Each part begins with a letter for what it is, because clients could otherwise send the text of
 * another part. What a request lacks is replaced by the client's address, so that leaving it out is no way around the limit.
 */
export function limitKey(parts: readonly string[]): (exchange: ExchangeView) => string {
  const readers = parts.map(reader);
  const [only] = readers;
  if (only !== undefined && readers.length === 1) return only;
  // The length of each part stands before it, so that two parts are never taken for two others.
  return (exchange) =>
    readers
      .map((read) => {
        const text = read(exchange);
        return `${text.length} ${text}`;
      })
      .join("");
}

/**
 * A text that identifies a limit of a list in shared memory: by what it counts, and its number among those that count the same. A reload that adds, takes away
 * or moves another limit leaves its counts as they are.
 * @param over what the limit counts over, such as a route's key
 */
export function limitId(limits: readonly { readonly key: readonly string[] }[], index: number, over: string): string {
  const [own = "", ...before] = limits
    .slice(0, index + 1)
    .map(({ key }) => key.join(" "))
    .toReversed();
  return `${over}\n${own}\n${before.filter((other) => other === own).length}`;
}

type Read = (exchange: ExchangeView) => string;

function reader(part: string): Read {
  const [kind = "", name = ""] = part.split(/:(.*)/s);
  const address = addressReader();
  const or = (letter: string, read: (exchange: ExchangeView) => string | undefined): Read => {
    return (exchange) => {
      const text = read(exchange);
      return text === undefined || text === "" ? address(exchange) : letter + text;
    };
  };
  switch (kind) {
    case "header": {
      const field = name.toLowerCase();
      return or("h", ({ request }) => request.get(field));
    }
    case "cookie":
      return or("c", ({ request }) => cookieValue(request.values("cookie"), name));
    case "claim":
      return or("t", ({ identity }) => (identity === null ? "" : textOf(memberTexts(identity.claims, name))));
    case "user":
      return or("u", ({ identity }) => (identity === null || identity.user === "" ? "" : `${identity.method} ${identity.user}`));
    case "api_key":
      return or("k", ({ identity }) => (identity?.method === "api_keys" ? identity.user : ""));
    case "path":
      return ({ request }) => `p${normalizePath(request.path) ?? request.path}`;
    case "route":
    // Whose upstream it is stands in the limit's id.
    case "upstream":
      return () => "r";
    default:
      return address;
  }
}

/** A list of texts as one. A lone text that looks like such a list is another one. */
function textOf(members: readonly string[]): string {
  const [only = ""] = members;
  return members.length > 1 || only.startsWith("[") ? JSON.stringify(members) : only;
}

function addressReader(): Read {
  // Requests of one client often follow one another.
  let lastClient = "";
  let lastKey = "";
  return ({ client }) => {
    if (client !== lastClient) {
      lastClient = client;
      lastKey = `a${clientKey(client)}`;
    }
    return lastKey;
  };
}
