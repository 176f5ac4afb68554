/**
 * Recognises configuration files of other programs, such as nginx.conf or a Caddyfile. People try them first with a new proxy, and one
 * line that says what the file is helps more than forty unknown keys.
 */
import type { LocatedMap } from "../document/document.ts";
import { FULL_FORM_KEYS } from "../schema/short-form.ts";

const OWN_KEYS = new Set([...FULL_FORM_KEYS, "backends", "server"]);

interface Format {
  /** Follows "this is a" in the message. */
  readonly name: string;
  readonly isIt: (text: string, keys: ReadonlySet<string>) => boolean;
}

/** Tried in this order, the surest first. */
const FORMATS: readonly Format[] = [
  { name: "Kubernetes manifest", isIt: (_, keys) => keys.has("apiVersion") && keys.has("kind") },
  { name: "docker compose file", isIt: (text, keys) => keys.has("services") && /^[ \t"]+(?:image|build)"?[ \t]*:/m.test(text) },
  { name: "Kong configuration", isIt: (_, keys) => keys.has("_format_version") },
  { name: "Envoy configuration", isIt: (_, keys) => keys.has("static_resources") || keys.has("dynamic_resources") },
  {
    name: "Traefik configuration",
    isIt: (text, keys) =>
      ["entryPoints", "entrypoints", "providers", "certificatesResolvers", "serversTransport"].some((key) => keys.has(key)) ||
      (["http", "tcp", "udp"].some((key) => keys.has(key)) && /^[ \t"]+(?:routers|services|middlewares)"?[ \t]*:/m.test(text)) ||
      /^[ \t]*\[(?:entryPoints|providers|certificatesResolvers|(?:http|tcp|udp)\.(?:routers|services|middlewares))\b/im.test(text),
  },
  { name: "Caddy configuration", isIt: (_, keys) => keys.has("apps") },
  { name: "package.json", isIt: (_, keys) => keys.has("name") && (keys.has("dependencies") || keys.has("scripts")) },
  { name: "Apache configuration", isIt: (text) => /^[ \t]*<(?:VirtualHost|Location|Proxy|IfModule|Directory)\b[^>\n]*>/m.test(text) },
  {
    name: "HAProxy configuration",
    isIt: (text) =>
      /^(?:(?:global|defaults)[ \t]*$|(?:frontend|backend|listen)[ \t]+[^:{\n]*$)/m.test(text) &&
      /^[ \t]+(?:bind|mode|server|balance|timeout|default_backend|use_backend|log|maxconn|option|daemon)\b[^:\n]/m.test(text),
  },
  {
    name: "nginx configuration",
    isIt: (text) =>
      /^[ \t]*(?:(?:http|events|server|stream|upstream[ \t]+[^{;\s]+)[ \t]*|location[ \t][^{;\n]*)(?:\n[ \t]*)?\{/m.test(text) &&
      /;[ \t]*(?:#.*|\}[ \t]*)?$/m.test(text),
  },
  // A block for a site or for all sites, and directives that end with their lines.
  {
    name: "Caddyfile",
    isIt: (text) =>
      /^[ \t]*(?:reverse_proxy|file_server|php_fastcgi|respond|redir|handle(?:_path)?|encode|tls|route|root|import)[ \t]+[^:\s{][^;\n]*$/m.test(
        text,
      ) &&
      (/^[^\s#"'}][^"'\n]*\{[ \t]*$|^\{[ \t]*$/m.test(text) || !/^[ \t-]*[\w"]+[ \t]*:[ \t]/m.test(text)),
  },
];

/**
 * The message for a file of another program; null when the file is not recognised as one.
 * @param root what could be read of the file as YAML, undefined when nothing could
 */
export function foreignFormat(text: string, root: LocatedMap | undefined): string | null {
  const keys = new Set(root?.entries.keys());
  const isOwn =
    root === undefined ? /^"?(?:listeners|upstreams|routes|backends)"?[ \t]*:/m.test(text) : [...keys].some((key) => OWN_KEYS.has(key));
  const format = isOwn ? undefined : FORMATS.find(({ isIt }) => isIt(text, keys));
  if (format === undefined) return null;
  const article = /^(?:[AE]|nginx|HA)/.test(format.name) ? "an" : "a";
  if (format.name === "nginx configuration" || format.name === "Caddyfile")
    return `this is ${article} ${format.name}, which Millrace does not read; \`millrace convert\` makes a configuration of it`;
  return `this is ${article} ${format.name}, which Millrace does not read; its own keys stand in docs/configuration.md, files to begin with in examples/`;
}
