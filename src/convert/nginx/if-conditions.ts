/** The condition of `if` as conditions of a route. */
import { parseCidr } from "../../base/cidr.ts";
import type { Conditions } from "../model/conditions.ts";
import { isHost } from "../model/names.ts";
import { literal } from "../model/regex-text.ts";
import type { Sources } from "../model/sources.ts";
import { SHOWN } from "../model/tls.ts";
import { exactly } from "./locations.ts";
import { listedTexts, patternConditions } from "./patterns.ts";
import { fieldOf } from "./variables.ts";

/** "plain", "secure": it asks whether the client came without or with TLS. "never": it cannot hold. null: there is no equivalent. */
export type IfConditions = Conditions | "plain" | "secure" | "never" | null;

export function ifConditions(args: readonly string[], sources: Sources): IfConditions {
  const inner = args
    .join(" ")
    .replace(/^\(\s*/, "")
    .replace(/\s*\)$/, "");
  const [, name, operator = "", value = ""] = /^\$\{?(\w+)\}?(?:\s*(!?~\*?|!?=)\s*(.*))?$/s.exec(inner) ?? [];
  if (name === undefined) return null;
  const isNegative = operator.startsWith("!");
  if (name === "server_port") return portCondition(operator, value, isNegative);
  if (name === "scheme" || name === "https" || name === "ssl_protocol") return schemeCondition(name, operator, value, isNegative);
  if (name === "ssl_client_verify") return verifyCondition(operator, value);
  const found = operator.includes("~")
    ? matching(name, value, operator.endsWith("*"), sources)
    : operator === ""
      ? present(name)
      : equal(name, value);
  if (found === null) return null;
  return isNegative ? { not: [found] } : found;
}

function schemeCondition(name: string, operator: string, value: string, isNegative: boolean): "plain" | "secure" | null {
  if (operator.includes("~")) return null;
  const isSecure = operator === "" ? true : name === "scheme" ? value === "https" : value !== "";
  return isSecure === isNegative ? "plain" : "secure";
}

/** A client whose certificate does not hold is served nothing, so one that was shown is verified. */
function verifyCondition(operator: string, value: string): IfConditions {
  const isNegative = operator.startsWith("!");
  if (operator.includes("~")) return /^\^?FAILED/.test(value) && !value.includes("|") ? (isNegative ? {} : "never") : null;
  if (value !== "SUCCESS" && value !== "NONE") return null;
  return (value === "SUCCESS") === isNegative ? { not: [SHOWN] } : SHOWN;
}

/** Ports stand for the scheme where a server has one for each. */
function portCondition(operator: string, value: string, isNegative: boolean): "plain" | "secure" | null {
  const port = /^\^?(80|443)\$?$/.exec(value)?.[1];
  if (operator === "" || port === undefined) return null;
  return (port === "443") === isNegative ? "plain" : "secure";
}

function equal(name: string, value: string): Conditions | null {
  if (name === "host" || name === "http_host") return isHost(value) ? { host: [value.toLowerCase()] } : null;
  if (name === "request_method") return /^[A-Z]+$/.test(value) ? { methods: [value] } : null;
  if (name === "uri" || name === "document_uri") return value.startsWith("/") ? exactly(value) : null;
  if (name === "request_uri") return value.startsWith("/") && !value.includes("?") ? exactly(value) : null;
  if (name === "ssl_client_s_dn" && value !== "") return { certificate: { subject: literal(value) } };
  if (name === "ssl_client_i_dn" && value !== "") return { certificate: { issuer: literal(value) } };
  if (name === "remote_addr") return parseCidr(value) === null ? null : { clients: [value] };
  const [, kind, key = ""] = /^(http|arg)_(\w+)$/.exec(name) ?? [];
  if (kind === "http" && value === "") return { not: [{ headers: { [fieldOf(key)]: "*" } }] };
  if (kind === "http") return value === "*" ? null : { headers: { [fieldOf(key)]: value } };
  return kind === "arg" && value !== "" && value !== "*" ? { query: { [key]: value } } : null;
}

function present(name: string): Conditions | null {
  const [, kind, key = ""] = /^(http|arg)_(\w+)$/.exec(name) ?? [];
  if (kind === "http") return { headers: { [fieldOf(key)]: "*" } };
  return kind === "arg" ? { query: { [key]: "*" } } : null;
}

function matching(name: string, pattern: string, isCaseless: boolean, sources: Sources): Conditions | null {
  if (name === "uri" || name === "document_uri" || (name === "request_uri" && !/[?&=$]/.test(pattern.replace(/\$$/, "")))) {
    const found = patternConditions(pattern, isCaseless, sources);
    return found.problem === undefined ? found.conditions : null;
  }
  if (name === "request_method") {
    const methods = listedTexts(/^\^?\(?(?:[A-Z]+\|?)+\)?\$?$/.test(pattern) ? `^(${pattern.replaceAll(/[\^$()]/g, "")})$` : pattern);
    return methods === null || methods.length === 0 ? null : { methods };
  }
  if (name !== "host" && name !== "http_host") return null;
  const subdomain = /^(?:\^\.[*+])?\\\.([\w-]+(?:\\\.[\w-]+)+)\$$/.exec(pattern)?.[1];
  const hosts = subdomain === undefined ? listedTexts(pattern) : [`*.${subdomain.replaceAll("\\", "")}`];
  return hosts === null || !hosts.every(isHost) ? null : { host: hosts.map((host) => host.toLowerCase()) };
}
