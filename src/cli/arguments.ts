/** Parses the arguments of the command line into a command. Prints nothing and opens nothing. */
import { dateOf } from "../base/date-text.ts";
import { nearest } from "../base/did-you-mean.ts";
import { readOptions, unknownOption } from "./options.ts";
import type { OptionNames, Options } from "./options.ts";

export type Command =
  | {
      readonly command: "run";
      readonly file: string;
      /** Whether to load the configuration again when a file changes that it was read from. */
      readonly watch: boolean;
    }
  | {
      readonly command: "check";
      readonly file: string;
      /** Whether warnings count as errors. */
      readonly strict: boolean;
      /** Whether to order certificates on trial. */
      readonly acme: boolean;
      /** Runs the programs that print secrets. */
      readonly exec?: true;
      readonly format: "text" | "json";
    }
  | {
      readonly command: "explain";
      readonly file: string;
      readonly method: string;
      readonly url: string;
      readonly fields: readonly string[];
      /** The client's address; absent: that of a client for documentation. */
      readonly client?: string | undefined;
      /** A PEM file of the certificate that the client shows. */
      readonly certificateFile?: string;
      readonly exec?: true;
    }
  | {
      readonly command: "explain";
      readonly file: string;
      /** A file of requests. */
      readonly requests: string;
      /** Whether to compare with what the file expects. */
      readonly expects: boolean;
      readonly exec?: true;
    }
  | {
      readonly command: "proxy";
      readonly listen: string;
      /** Where everything goes that no prefix takes. */
      readonly target: string;
      /** Each `/PREFIX=TARGET`. */
      readonly prefixes: readonly string[];
      /** Whether to print the configuration instead of serving it. */
      readonly print: boolean;
    }
  /** `expires`: "" for a key without an end. */
  | { readonly command: "new-key"; readonly id: string; readonly roles: readonly string[]; readonly expires: string }
  /** A key for `internal_jwt`. */
  | { readonly command: "new-signing-key"; readonly algorithm: "ES256" | "EdDSA" }
  /** The public halves of the keys in that file. */
  | { readonly command: "public-keys"; readonly file: string }
  /** `file` is the configuration whose middleware is described too; null: none. */
  | { readonly command: "schema"; readonly file: string | null }
  | {
      readonly command: "init";
      /** The file to write. */
      readonly file: string;
      readonly listen: string;
      /** URLs of endpoints. */
      readonly upstreams: readonly string[];
      /** Whether a file that is there may be overwritten. */
      readonly force: boolean;
    }
  | {
      readonly command: "convert";
      /** The configuration of another program. */
      readonly file: string;
      /** Absent: it is recognised. */
      readonly from?: "nginx" | "caddy" | undefined;
      /** The file to write; absent: stdout. */
      readonly output?: string | undefined;
      /** Only what is served there. */
      readonly port?: string | undefined;
      readonly force: boolean;
    }
  | {
      readonly command: "trust";
      /** Whether to remove the root instead of adding it. */
      readonly remove: boolean;
      /** Whether to do it without asking. */
      readonly yes: boolean;
      /** The folder of the local authority; null: the user's own. */
      readonly storage: string | null;
    }
  | {
      readonly command: "hash-password";
      readonly algorithm: "argon2id" | "bcrypt";
      /** Null: the standard of the algorithm. */
      readonly cost: number | null;
      /** The name before the hash; null: none. */
      readonly user: string | null;
    }
  /** `tls`: over HTTPS. */
  | { readonly command: "demo"; readonly tls: boolean }
  | { readonly command: "version" | "help" }
  /** The arguments are wrong; `problem` is one line that says why. */
  | { readonly command: "wrong"; readonly problem: string };

/** The configuration files that are looked for when the arguments name none. */
export const DEFAULT_FILES = ["millrace.yaml", "millrace.config.ts"] as const;

/** The first default file for which `exists` is true; the first of all when there is none, so that a message can name it. */
export function defaultFile(exists: (file: string) => boolean): string {
  return DEFAULT_FILES.find(exists) ?? DEFAULT_FILES[0];
}

export const HELP: string = `millrace: an HTTP reverse proxy and load balancer

  millrace run [--config FILE] [--watch]
                                      serve, with --watch taking changed files into use; without FILE: ./${DEFAULT_FILES.join(", else ./")}
  millrace proxy LISTEN TARGET [/PREFIX=TARGET]... [--print]
                                      serve without a file: millrace proxy :8080 http://localhost:3000
                                      over HTTPS: millrace proxy https://app.localhost http://localhost:3000
                                      --print shows the configuration that it is
  millrace init [--listen :8080] [--upstream URL]... [--config FILE] [--force]
                                      write a configuration with comments, to begin with
  millrace convert FILE [--from nginx|caddy] [--output FILE] [--port PORT] [--force]
                                      make a configuration of an nginx.conf or a Caddyfile, and list what has no equivalent
  millrace demo [--tls]               two small origins and a proxy in front of them, to try it out; --tls over HTTPS
  millrace check [--config FILE] [--strict] [--acme] [--exec] [--format json]
                                      check a configuration and list every problem in it;
                                      --strict takes warnings for errors, --acme orders certificates on trial,
                                      --exec runs the programs that print secrets, --format json is for programs
  millrace explain [--config FILE] METHOD URL [-H 'name: value']... [--client ADDRESS] [--client-cert FILE] [--exec]
                                      which route takes a request, and what would be sent where
  millrace explain [--config FILE] --file REQUESTS [--expect] [--exec]
                                      the same in a line for each request of a file; --expect compares with what the file says
  millrace schema [--config FILE]     the configuration's JSON Schema; with FILE, the options of its middleware too
  millrace new-key ID [--roles ROLE,ROLE] [--expires DATE]
                                      make a key for "api_keys", and print it with its entry for the file
  millrace new-key --internal [--algorithm ES256|EdDSA]
                                      make a private key for "internal_jwt", and print it with its public half
  millrace new-key --public FILE      print the public halves of the keys in a file of "internal_jwt"
  millrace trust [--remove] [--yes] [--storage FOLDER]
                                      have this system and its browsers trust the certificates of "tls: internal", or no longer
  millrace hash-password [--user NAME] [--algorithm argon2id|bcrypt] [--cost NUMBER]
                                      ask for a password and print its hash, or with NAME a line for a file of users
  millrace --help (-h), --version (-v)            --config is -c for short

Signals of run: SIGHUP loads the configuration again, SIGTERM and SIGINT finish what is in flight and end,
a second one ends at once, SIGUSR1 opens the log file again.
Exit codes: 0 fine, 1 configuration or arguments are wrong, 2 could not start, 3 explain ended in an error of the proxy's own,
130 and 143 by a second signal.
`;

/** How `millrace proxy` is called. */
export const PROXY_USAGE = "millrace proxy LISTEN TARGET [/PREFIX=TARGET]... [--print], such as millrace proxy :8080 http://localhost:3000";

const COMMANDS: ReadonlyMap<string, OptionNames> = new Map([
  ["run", { values: ["--config"], flags: ["--watch"] }],
  ["proxy", { values: [], flags: ["--print"] }],
  ["init", { values: ["--listen", "--upstream", "--config"], flags: ["--force"] }],
  ["convert", { values: ["--from", "--output", "--port"], flags: ["--force"] }],
  ["demo", { values: [], flags: ["--tls"] }],
  ["check", { values: ["--config", "--format"], flags: ["--strict", "--acme", "--exec"] }],
  ["explain", { values: ["--config", "-H", "--client", "--client-cert", "--file"], flags: ["--expect", "--exec"] }],
  ["schema", { values: ["--config"], flags: [] }],
  ["new-key", { values: ["--roles", "--expires", "--algorithm", "--public"], flags: ["--internal"] }],
  ["trust", { values: ["--storage"], flags: ["--remove", "--yes"] }],
  ["hash-password", { values: ["--user", "--algorithm", "--cost"], flags: [] }],
]);

/** @param defaultFile the configuration file when the arguments name none */
export function parseArguments(given: readonly string[], defaultFile: string): Command {
  const [name, ...rest] = given;
  if (name === undefined) return wrong("a command is missing; try millrace --help");
  if (name === "--help" || name === "-h" || name === "help") return { command: "help" };
  if (name === "--version" || name === "-v" || name === "-V" || name === "version") return { command: "version" };
  if (!COMMANDS.has(name)) return wrong(name.startsWith("-") ? unknownOption(name) : unknownCommand(name));
  const options = readOptions(rest, name, COMMANDS);
  if (typeof options === "string") return wrong(options);
  return options.help ? { command: "help" } : commandOf(name, options, defaultFile);
}

function commandOf(name: string, { flags, values, words }: Options, defaultFile: string): Command {
  const [given] = values.get("--config") ?? [];
  const file = given ?? defaultFile;
  const [first, second, third] = words;
  switch (name) {
    case "run":
      return excess(first, given === undefined && words.length === 1) ?? { command: name, file, watch: flags.has("--watch") };
    case "check": {
      const [format = "text"] = values.get("--format") ?? [];
      if (format !== "text" && format !== "json") return wrong("--format is text or json");
      const [strict, acme] = [flags.has("--strict"), flags.has("--acme")];
      if (acme && format === "json") return wrong("--acme says in words what comes of its orders: leave --format json out");
      return excess(first, given === undefined && words.length === 1) ?? { command: name, file, strict, acme, format, ...execOf(flags) };
    }
    case "explain":
      if (values.has("--file") || flags.has("--expect")) return explainFileOf(file, first, flags, values);
      if (first === undefined || second === undefined)
        return wrong("millrace explain needs a method and a URL: millrace explain GET /path");
      return excess(third) ?? explainOf(file, first, second, flags, values);
    case "proxy":
      if (first === undefined || second === undefined) return wrong(`millrace proxy needs an address and a target: ${PROXY_USAGE}`);
      return { command: "proxy", listen: first, target: second, prefixes: words.slice(2), print: flags.has("--print") };
    case "init": {
      const [listen = ":8080"] = values.get("--listen") ?? [];
      const upstreams = values.get("--upstream") ?? ["http://localhost:3000"];
      return excess(first) ?? { command: name, file: given ?? DEFAULT_FILES[0], listen, upstreams, force: flags.has("--force") };
    }
    case "convert":
      if (first === undefined) return wrong("millrace convert needs a file: millrace convert nginx.conf");
      return excess(second) ?? convertOf(first, values, flags);
    case "schema":
      return excess(first, given === undefined && words.length === 1) ?? { command: name, file: given ?? null };
    case "new-key": {
      const [algorithm] = values.get("--algorithm") ?? [];
      const [ofFile] = values.get("--public") ?? [];
      if (flags.has("--internal") || ofFile !== undefined) return internalKeyOf(first, values, flags.has("--internal"), algorithm, ofFile);
      if (algorithm !== undefined) return wrong("--algorithm is for millrace new-key --internal");
      if (first === undefined) return wrong("millrace new-key needs a name for the key's owner: millrace new-key ci");
      const [[roles = ""], [expires = ""]] = [values.get("--roles") ?? [], values.get("--expires") ?? []];
      if (expires !== "" && dateOf(expires) === null) return wrong("--expires is a date such as 2027-01-31");
      const named = roles.split(",").filter((role) => role !== "");
      return excess(second) ?? { command: name, id: first, roles: named, expires };
    }
    case "trust": {
      const [storage = null] = values.get("--storage") ?? [];
      return excess(first) ?? { command: name, remove: flags.has("--remove"), yes: flags.has("--yes"), storage };
    }
    case "hash-password":
      if (first !== undefined)
        return wrong("millrace hash-password takes no password from its arguments, which others can read: it asks for one");
      return hashPasswordOf(values);
    default:
      return excess(first) ?? { command: "demo", tls: flags.has("--tls") };
  }
}

function internalKeyOf(
  word: string | undefined,
  values: Options["values"],
  isNew: boolean,
  algorithm: string | undefined,
  file: string | undefined,
): Command {
  if (word !== undefined || values.has("--roles") || values.has("--expires"))
    return wrong("a key for tokens of the proxy's own has neither owner nor roles nor end: millrace new-key --internal");
  if (file !== undefined)
    return isNew || algorithm !== undefined
      ? wrong("--public makes no key: millrace new-key --public FILE")
      : { command: "public-keys", file };
  if (algorithm === undefined || algorithm === "ES256" || algorithm === "EdDSA")
    return { command: "new-signing-key", algorithm: algorithm ?? "ES256" };
  return wrong("--algorithm is ES256 or EdDSA");
}

function explainOf(file: string, method: string, url: string, flags: Options["flags"], values: Options["values"]): Command {
  const [client] = values.get("--client") ?? [];
  const [certificateFile] = values.get("--client-cert") ?? [];
  const further = { ...(client === undefined ? {} : { client }), ...(certificateFile === undefined ? {} : { certificateFile }) };
  return { command: "explain", file, method, url, fields: values.get("-H") ?? [], ...further, ...execOf(flags) };
}

function convertOf(file: string, values: Options["values"], flags: Options["flags"]): Command {
  const [[from], [output], [port]] = [values.get("--from") ?? [], values.get("--output") ?? [], values.get("--port") ?? []];
  if (from !== undefined && from !== "nginx" && from !== "caddy") return wrong("--from is nginx or caddy");
  if (port !== undefined && !/^[0-9]{1,5}$/.test(port)) return wrong("--port is the number of a port");
  const given: Pick<Extract<Command, { command: "convert" }>, "from" | "output" | "port"> = {
    ...(from === undefined ? {} : { from }),
    ...(output === undefined ? {} : { output }),
    ...(port === undefined ? {} : { port }),
  };
  return { command: "convert", file, ...given, force: flags.has("--force") };
}

function hashPasswordOf(values: Options["values"]): Command {
  const [[algorithm = "argon2id"], [cost], [user = null]] = [
    values.get("--algorithm") ?? [],
    values.get("--cost") ?? [],
    values.get("--user") ?? [],
  ];
  if (algorithm !== "argon2id" && algorithm !== "bcrypt") return wrong("--algorithm is argon2id or bcrypt");
  if (cost !== undefined && !/^[0-9]{1,3}$/.test(cost)) return wrong("--cost is a number");
  return { command: "hash-password", algorithm, cost: cost === undefined ? null : Number(cost), user };
}

function explainFileOf(file: string, word: string | undefined, flags: Options["flags"], values: Options["values"]): Command {
  const [requests] = values.get("--file") ?? [];
  if (requests === undefined) return wrong("--expect needs --file: millrace explain --file requests.txt --expect");
  if (word !== undefined || ["-H", "--client", "--client-cert"].some((name) => values.has(name)))
    return wrong("--file names a file of requests, so none stands among the arguments; a configuration is given as --config FILE");
  return { command: "explain", file, requests, expects: flags.has("--expect"), ...execOf(flags) };
}

function execOf(flags: Options["flags"]): { readonly exec?: true } {
  return flags.has("--exec") ? { exec: true } : {};
}

/**
 * The answer to a word too many; null when there is none.
 * @param meansFile whether the word was probably meant as the configuration file
 */
function excess(word: string | undefined, meansFile: boolean = false): Command | null {
  if (word === undefined) return null;
  const shown = shownWord(word);
  const hint = meansFile ? `; a file is given as --config ${shown === "" ? "FILE" : word}` : "";
  return wrong(`unexpected argument${shown}${hint}`);
}

function wrong(problem: string): Command {
  return { command: "wrong", problem };
}

function unknownCommand(word: string): string {
  const near = nearest(word, [...COMMANDS.keys()]);
  if (near === null) return "unknown command; try millrace --help";
  return `unknown command${near.distance <= 2 ? ` ${JSON.stringify(word)}` : ""}; did you mean "${near.word}"?`;
}

/**
 * The word for a message if it looks like the name of a file, else "". Any other word may be a secret, such as a field with a token without
 * `-H`.
 */
function shownWord(word: string): string {
  return /^[\w./-]{1,100}\.(?:ya?ml|json|[cm]?[jt]s|conf|toml)$/.test(word) ? ` ${JSON.stringify(word)}` : "";
}
