/**
 * Puts a piece of HTML into pages while they stream: before `</head>`, or before `<body>` in pages that leave that tag out.
 *
 * For a script or banner on every page of a service that one cannot change. Tags within comments, scripts, styles and titles are no tags, and
 * are passed over; tags within the value of an attribute (rare, because they are mostly written `&lt;`) are not told apart. A page without the tag, compressed in spite of what was asked for, in UTF-16, or marked `Cache-Control: no-transform` passes
 * unchanged (see the counters). Write the HTML in ASCII, with references such as `&#x20AC;`, if pages have other encodings than UTF-8.
 *
 * A Content-Security-Policy of the pages holds for what is put in. Use `<script src="...">` from an origin that it allows: inline scripts
 * need their hash in the policy, and the nonce of a page is not known here.
 *
 * ```yaml
 * middleware:
 *   - use: ./inject-html.ts
 *     options: { html: '<script src="/banner.js" async></script>' }
 * ```
 */
import { defineMiddleware, isEncoded, markTransformed, mediaType, requestPlainBody, transformStage } from "millrace";
import type { BytesTransform, RequestHead, ResponseHead, Write } from "millrace";
import { z } from "zod";

const options = z.strictObject({
  html: z.string().min(1).describe("What is put in."),
  before: z
    .array(z.string().regex(/^<\/?[a-z][a-z0-9-]{0,30}>$/i, "a tag is written </head> or <body>"))
    .min(1)
    .default(["</head>", "<body>"])
    .describe("Tags. The HTML is put before the first of them in the page."),
  search_bytes: z
    .number()
    .int()
    .min(1)
    .default(256 * 1024)
    .describe("After so many bytes of a page the tag is not looked for any more."),
});

export default defineMiddleware({
  name: "inject-html",
  options,
  setup: ({ html, before, search_bytes }, context) => {
    const injected = context.counter("injected");
    const missing = context.counter("no_tag");
    const unreadable = context.counter("unreadable");
    const tags = before.map((tag) => tag.slice(1, -1)).join("|");
    return {
      onUpstreamRequest: ({ request }, changes) => {
        // Images, scripts and data may come compressed or in parts.
        if (wantsHtml(request)) requestPlainBody(changes);
      },
      onResponse: ({ request }, response) => {
        const { head, status } = response;
        if (head === null) return null;
        // The browser's copy was marked so when it was sent.
        if (status === 304 && wantsHtml(request)) markTransformed(response);
        if (mediaType(head) !== "text/html") return null;
        if (!isReadable(head)) {
          unreadable.add();
          return null;
        }
        markTransformed(response);
        return transformStage(new Injection(html, tags, search_bytes, (found) => (found ? injected : missing).add()));
      },
    };
  },
});

function wantsHtml(request: RequestHead): boolean {
  return request.values("accept").some((value) => value.toLowerCase().includes("text/html"));
}

function isReadable(head: ResponseHead): boolean {
  const keeps = head.values("cache-control").some((value) => /(?:^|[\s,])no-transform\b/i.test(value));
  const isWide = /charset\s*=\s*"?utf-(?:16|32)/i.test(head.get("content-type") ?? "");
  return head.status !== 206 && !keeps && !isWide && !isEncoded(head);
}

/** Longest beginning of a tag that may be held back at the end of a slice. */
const TAG_BYTES_MAX = 36;

/**
 * Looks for the tag and then passes everything on. Bytes are read as latin1, one character each: all that is compared is ASCII, and the page
 * keeps its encoding. Held back is only what may be the beginning of a tag.
 */
class Injection implements BytesTransform {
  private readonly html: string;
  /** The tags, and what hides tags: comments, and elements whose content is text. */
  private readonly marks: RegExp;
  private readonly target: RegExp;
  private readonly onOver: (found: boolean) => void;
  private bytesLeft: number;
  private isOver: boolean = false;
  private held: string = "";
  /** Ends the comment or the element that the page is in. Null: it is in none. */
  private until: RegExp | null = null;

  /** @param tags names of tags, end tags with their slash, as parts of a regular expression */
  constructor(html: string, tags: string, searchBytes: number, onOver: (found: boolean) => void) {
    this.html = html;
    this.bytesLeft = searchBytes;
    this.onOver = onOver;
    this.target = new RegExp(`^<(?:${tags})$`, "i");
    this.marks = new RegExp(`<!---?>|<!--(?=[^][^])|<(?:${tags}|script|style|title|textarea|iframe|xmp|noscript)(?=[\\s/>])`, "gi");
  }

  bytes(bytes: Buffer, write: Write): void {
    if (this.isOver) return write(bytes);
    const text = this.held + bytes.toString("latin1");
    const at = this.search(text);
    this.bytesLeft -= bytes.length;
    if (at >= 0) {
      writeLatin1(text.slice(0, at), write);
      write(this.html);
      return this.over(true, text.slice(at), write);
    }
    if (this.bytesLeft <= 0) return this.over(false, text, write);
    this.held = text.slice(text.length + at + 1);
    writeLatin1(text.slice(0, text.length - this.held.length), write);
  }

  end(write: Write): void {
    if (!this.isOver) this.over(false, this.held, write);
  }

  private over(found: boolean, rest: string, write: Write): void {
    this.isOver = true;
    this.held = "";
    this.onOver(found);
    writeLatin1(rest, write);
  }

  /** Position of the tag. Below 0: it has not come, and -1 minus the result is how many characters at the end must be held. */
  private search(text: string): number {
    let at = 0;
    for (;;) {
      const pattern = this.until ?? this.marks;
      pattern.lastIndex = at;
      const found = pattern.exec(text);
      if (found === null) return -1 - heldLength(text, at);
      const [mark] = found;
      if (this.until !== null) {
        this.until = null;
        // The end tag of an element may be what is looked for.
        at = mark.startsWith("<") ? found.index : pattern.lastIndex;
        if (mark.startsWith("<") && !this.target.test(mark)) at += mark.length;
      } else if (this.target.test(mark)) return found.index;
      else {
        at = pattern.lastIndex;
        if (mark === "<!--") this.until = /--!?>/g;
        else if (!mark.startsWith("<!")) this.until = new RegExp(`</${mark.slice(1)}(?=[\\s/>])`, "gi");
      }
    }
  }
}

/** Length of the end of the text, after `at`, that may be the beginning of a tag or of the end of a comment. */
function heldLength(text: string, at: number): number {
  const tail = text.slice(Math.max(at, text.length - TAG_BYTES_MAX));
  const begun = /(?:<[^>]*|--?!?)$/.exec(tail);
  return begun?.[0].length ?? 0;
}

function writeLatin1(text: string, write: Write): void {
  if (text !== "") write(Buffer.from(text, "latin1"));
}
