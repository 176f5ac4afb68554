/** Heads to text, as they are sent on: the edits, the text, and its bytes, for joined texts are only put together when they are written. */
import { Buffer } from "node:buffer";
import { connectionOptions } from "../../src/http/connection-options.ts";
import { fieldLine } from "../../src/http/field-edits.ts";
import type { FieldEdits } from "../../src/http/field-edits.ts";
import { RequestEdits, ResponseEdits } from "../../src/http/head-edits.ts";
import { parseForwarded } from "../../src/http/forwarded.ts";
import { Known } from "../../src/http/known-fields.ts";
import type { Http1RequestHead } from "../../src/http1/http1-request-head.ts";
import { AddedFields, requestHeadText } from "../../src/net/h1/request-writer.ts";
import type { ForwardedRequest } from "../../src/net/h1/request-writer.ts";
import { BodyMode, responseHeadText } from "../../src/net/h1/response-writer.ts";
import type { BodyModeKind } from "../../src/net/h1/response-writer.ts";
import { browserRequest, nth, requestHead, responseHead, smallResponse, variants } from "./messages.ts";
import type { Operation, Run } from "./operation.ts";

const PEER = "203.0.113.7";
const X_FORWARDED_FOR = "X-Forwarded-For: 198.51.100.23, 192.0.2.44";
/** What was written for the lines is there to be written again. */
const KNOWN = true;
const TOKEN = "Authorization: Bearer 8c1f0a4be7d94f6ab2c3d4e5f6071829";
const FORWARDED = "Forwarded: for=198.51.100.23;host=shop.example.com;proto=https, for=192.0.2.44";

export const serialise: readonly Operation[] = [
  {
    name: "serialise/request-same",
    about: "the forwarded head of a browser's request, whose lines were forwarded before",
    prepare: () => requests((variant) => fromClient(browserRequest(variant)), noEdits, KNOWN),
  },
  {
    name: "serialise/request-differing",
    about: "the same with lines that are new",
    prepare: () => requests((variant) => fromClient(browserRequest(variant)), noEdits),
  },
  {
    name: "serialise/request-token-same",
    about: "the same as request-same with a token, which is removed by a middleware",
    prepare: () => requests((variant) => fromClient(browserRequest(variant, [TOKEN])), removeToken, KNOWN),
  },
  {
    name: "serialise/request-token",
    about: "the same with lines that are new",
    prepare: () => requests((variant) => fromClient(browserRequest(variant, [TOKEN])), removeToken),
  },
  {
    name: "serialise/request-connection",
    about: "the same with a Connection field, which stays behind",
    prepare: () => requests((variant) => fromClient(browserRequest(variant, ["Connection: keep-alive"])), noEdits),
  },
  {
    name: "serialise/request-edited",
    about: "the same with one field replaced by a middleware",
    prepare: () =>
      requests(
        (variant) => fromClient(browserRequest(variant)),
        (edits) => edits.set("Cookie", "session=none"),
      ),
  },
  {
    name: "serialise/request-behind-proxy",
    about: "the same from a trusted proxy that writes X-Forwarded-For",
    prepare: () => requests((variant) => fromProxy(requestHead(browserRequest(variant, [X_FORWARDED_FOR]))), noEdits),
  },
  {
    name: "serialise/request-forwarded",
    about: "the same from a trusted proxy that writes Forwarded",
    prepare: () => requests((variant) => fromForwarded(requestHead(browserRequest(variant, [FORWARDED]))), noEdits),
  },
  {
    name: "serialise/response-same",
    about: "a response head whose body has a length, and whose lines were sent on before",
    prepare: () => responses(BodyMode.length, KNOWN),
  },
  {
    name: "serialise/response-added-same",
    about: "the same as response-same with lines that two middlewares add",
    prepare: () => responses(BodyMode.length, KNOWN, addLines),
  },
  { name: "serialise/response-differing", about: "the same with lines that are new", prepare: () => responses(BodyMode.length) },
  { name: "serialise/response-chunked", about: "a response head whose body is sent in chunks", prepare: () => responses(BodyMode.chunked) },
];

const ENDPOINT = { authority: "10.0.0.1:8080", via: true, xForwarded: true };

/** Of a request that came by HTTP/1. */
type FromHttp1 = ForwardedRequest & { readonly request: Http1RequestHead };

function requests(make: (variant: number) => FromHttp1, edit: (edits: RequestEdits) => void, known: boolean = false): Run {
  const exchanges = variants(make);
  const edits = new RequestEdits();
  const added = new AddedFields();
  const wire = Buffer.allocUnsafe(4096);
  return (count) => {
    let sum = 0;
    for (let n = 0; n < count; n++) {
      edits.reset();
      edit(edits);
      const exchange = nth(exchanges, n);
      if (!known) exchange.request.written.forget();
      sum += wire.write(requestHeadText(exchange, edits, added, ENDPOINT), 0, "latin1");
    }
    return sum;
  };
}

function responses(mode: BodyModeKind, known: boolean = false, edit: (edits: FieldEdits) => void = noEdits): Run {
  const heads = variants((variant) => responseHead(smallResponse(variant)));
  const edits = new ResponseEdits();
  const wire = Buffer.allocUnsafe(4096);
  return (count) => {
    let sum = 0;
    for (let n = 0; n < count; n++) {
      edits.reset();
      edit(edits);
      // The clock goes on by a request's time.
      const epochMs = 1_790_000_000_000 + n * 0.03125;
      const head = nth(heads, n);
      if (!known) head.written.forget();
      sum += wire.write(responseHeadText(head, edits, { mode, close: false, epochMs }), 0, "latin1");
    }
    return sum;
  };
}

function noEdits(): void {}

const CORS_LINES = fieldLine("Vary", "Origin") + fieldLine("Access-Control-Allow-Origin", "https://app.example.com");
const SECURITY_LINES = fieldLine("Strict-Transport-Security", "max-age=63072000") + fieldLine("X-Content-Type-Options", "nosniff");

function addLines(edits: FieldEdits): void {
  edits.appendLines(CORS_LINES);
  edits.appendLines(SECURITY_LINES);
}

function removeToken(edits: RequestEdits): void {
  edits.remove("authorization");
}

function fromClient(bytes: Buffer): FromHttp1 {
  const request = requestHead(bytes);
  return {
    request,
    connection: connectionOptions(request),
    facts: {
      peer: PEER,
      client: PEER,
      trusted: false,
      secure: false,
      tls: null,
      certificateLines: "",
      ownAnswers: null,
      forwarded: null,
      proxied: null,
      unsafeFieldNames: "drop",
      forwardedPathFields: "drop",
    },
    isBackground: false,
    upgrade: "",
  };
}

function fromProxy(request: Http1RequestHead): FromHttp1 {
  const said = fromClient(Buffer.from(`${request.startLine}${request.text}\r\n`, "latin1"));
  return { ...said, facts: { ...said.facts, trusted: true } };
}

function fromForwarded(request: Http1RequestHead): FromHttp1 {
  const elements = parseForwarded(request.knownValues(Known.forwarded)) ?? [];
  const said = fromProxy(request);
  return { ...said, facts: { ...said.facts, forwarded: { elements, ofClient: elements[0] } } };
}
