/** A page about an error, ready to be filled in. */
import { Buffer } from "node:buffer";
import { reasonPhrase } from "../../http/status.ts";
import { mediaTypeOf } from "../../policy/representation/media-type.ts";
import { prefersJson } from "../../policy/representation/prefers-json.ts";
import { escapeFor } from "../../policy/template/escapes.ts";
import { constantOf, fillIn } from "../../policy/template/template.ts";
import type { Template, Variable } from "../../policy/template/template.ts";
import type { FeatureContext } from "../../proxy/feature/feature.ts";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";
import { valueOf } from "../../proxy/feature/variables.ts";
import type { ErrorPageConfig } from "./schema.ts";

/** What a client gets to read. */
export interface PageText {
  readonly contentType: string;
  readonly text: string;
}

/** The error that a page is about. */
export interface Fault {
  readonly status: number;
  /** "": nothing more is known. */
  readonly detail: string;
}

export class Page {
  /** Whether it also takes the place of what an origin answers. */
  readonly isForOrigins: boolean;
  private readonly contentType: string;
  private readonly isHtml: boolean;
  private readonly template: Template;
  /** The whole page, if it has no variables; else null. */
  private readonly constant: PageText | null;

  constructor(
    { file, template, body, origin }: ErrorPageConfig,
    { readFile, template: parse }: Pick<FeatureContext, "readFile" | "template">,
  ) {
    const path = file ?? template;
    this.isForOrigins = origin;
    this.contentType = path === undefined ? HTML : (mediaTypeOf(path) ?? "text/plain; charset=utf-8");
    this.isHtml = /^(?:text\/html|application\/xhtml)/.test(this.contentType);
    this.template = file === undefined ? parse(path === undefined ? (body ?? "") : readFile(path), true) : [readFile(file)];
    const text = constantOf(this.template);
    this.constant = text === null ? null : { contentType: this.contentType, text };
  }

  /** What this client gets: the page, or, if it would rather have JSON than HTML, null. */
  for(exchange: ExchangeView, fault: Fault): PageText | null {
    if (this.isHtml && prefersJson(exchange.request.get("accept"))) return null;
    if (this.constant !== null) return this.constant;
    const value = (variable: Variable): string =>
      variable.name === "error" ? errorValue(fault, variable.key) : utf8(valueOf(exchange, variable));
    return { contentType: this.contentType, text: fillIn(this.template, value, escapeFor(this.contentType)) };
  }
}

const HTML = "text/html; charset=utf-8";

function errorValue({ status, detail }: Fault, name: string): string {
  return name === "status" ? String(status) : name === "title" ? reasonPhrase(status) : detail;
}

/** Decodes a value of a head for a page: the head has it as latin1 text, one character per octet, and the octets are UTF-8. */
function utf8(value: string): string {
  // oxlint-disable-next-line no-control-regex -- ASCII is the same in both
  return /^[\x00-\x7f]*$/.test(value) ? value : Buffer.from(value, "latin1").toString("utf8");
}
