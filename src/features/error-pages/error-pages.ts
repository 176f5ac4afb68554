/** Puts pages in the place of answers about errors: those of the proxy's own, and those of origins where the configuration says so. */
import { Buffer } from "node:buffer";
import { fieldLine } from "../../http/field-edits.ts";
import { ReplacedNames } from "../../http/replaced-names.ts";
import { reasonPhrase } from "../../http/status.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import { errorPagesFacts } from "./facts.ts";
import { Page } from "./page.ts";
import type { PageText } from "./page.ts";
import { PageStage } from "./page-stage.ts";
import type { ErrorPagesConfig } from "./schema.ts";

export const errorPages: Feature<"error_pages"> = {
  name: "error-pages",
  key: "error_pages",
  facts: errorPagesFacts,
  compile: errorPagesMiddleware,
};

type Context = Pick<FeatureContext, "readFile" | "template" | "once">;

/** @param levels of the whole configuration, the upstream and the route, as far as they are there */
function errorPagesMiddleware(levels: readonly ErrorPagesConfig[], context: Context): Middleware {
  const compiled = levels.map((level) => context.once(level, () => compileLevel(level, context))).toReversed();
  const pageFor = (status: number): Page | null => {
    if (status < 400) return null;
    for (const level of compiled) {
      const page = level.get(String(status)) ?? level.get(`${Math.floor(status / 100)}xx`);
      if (page !== undefined) return page;
    }
    return null;
  };
  const hasPagesForOrigins = compiled.some((level) => [...level.values()].some(({ isForOrigins }) => isForOrigins));
  return {
    name: "error-pages",
    onAnswer: (exchange, answer) => {
      // An answer that has a body of its own keeps it.
      const page = answer.body === undefined ? pageFor(answer.status) : null;
      const body = page?.for(exchange, answer) ?? null;
      return body === null ? null : { ...answer, body };
    },
    ...(hasPagesForOrigins
      ? {
          onResponse: (exchange, response) => {
            if (response.head === null || response.status < 400) return null;
            const page = pageFor(response.status);
            if (page?.isForOrigins !== true) return null;
            const fault = { status: response.status, detail: "" };
            const { contentType, text } = page.for(exchange, fault) ?? problemDocument(response.status);
            response.replaceLines(ABOUT_THE_BODY, fieldLine("Content-Type", contentType) + NOT_STORED);
            return new PageStage(Buffer.from(text));
          },
        }
      : {}),
  };
}

function compileLevel(level: ErrorPagesConfig, context: Context): ReadonlyMap<string, Page> {
  return new Map(Object.entries(level).map(([status, page]) => [status, new Page(page, context)]));
}

/** The problem document that finished-answer.ts would write, but without `detail`: only the origin knows more about its error. */
function problemDocument(status: number): PageText {
  const document = { type: "about:blank", title: reasonPhrase(status), status };
  return { contentType: "application/problem+json", text: `${JSON.stringify(document)}\n` };
}

const NOT_STORED = fieldLine("Cache-Control", "no-store");

/** The fields of an origin's answer that are about its body, or about keeping it. All others stay, such as Retry-After, WWW-Authenticate and Set-Cookie. */
const NAMES =
  "content-type content-encoding content-language content-location content-disposition content-range content-md5 content-digest repr-digest digest etag last-modified accept-ranges cache-control expires age pragma link trailer refresh".split(
    " ",
  );
const ABOUT_THE_BODY = new ReplacedNames(NAMES, NAMES);
