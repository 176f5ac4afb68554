/**
 * A resolver of its own for the proxy under test, so that rows about names need no network and no hosts file: loaded into the process
 * and its threads before anything else, it answers the names of RESOLVER_NAMES and passes on all others.
 */
import dns from "node:dns";
import type { LookupAddress, LookupOptions } from "node:dns";

type Callback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** Addresses in the order in which they are tried, an error code, or null for a lookup that is never answered. */
const RESOLVER_NAMES: Readonly<Record<string, readonly LookupAddress[] | string | null>> = {
  "dual.test": [
    { address: "::1", family: 6 },
    { address: "127.0.0.1", family: 4 },
  ],
  "nothing.invalid": "ENOTFOUND",
  "later.test": "EAI_AGAIN",
  "silent.test": null,
};

const LOADED = "MILLRACE_TEST_RESOLVER";

/** What the proxy's environment needs to use this resolver. */
export const resolverEnvironment: Record<string, string> = {
  NODE_OPTIONS: `--import=${import.meta.url}`,
  [LOADED]: "1",
};

if (process.env[LOADED] === "1") {
  const before = dns.lookup;
  const lookup = (name: string, options: LookupOptions, callback: Callback): void => {
    const answer = RESOLVER_NAMES[name];
    if (answer === undefined) return before(name, options, callback);
    if (answer === null) return;
    process.nextTick(() => {
      if (typeof answer === "string") {
        callback(Object.assign(new Error(`getaddrinfo ${answer} ${name}`), { code: answer, syscall: "getaddrinfo", hostname: name }), "");
      } else if (options.all === true) callback(null, [...answer]);
      else callback(null, answer[0]?.address ?? "", answer[0]?.family ?? 0);
    });
  };
  Object.assign(dns, { lookup });
}
