/** Operations: parsing bytes to heads and bodies, as ClientConnection and UpstreamConnection do. Each read brings one message. */
import type { Buffer } from "node:buffer";
import { DEFAULT_LIMITS } from "../../src/http1/limits.ts";
import { Event } from "../../src/http1/message-reader.ts";
import { RequestReader } from "../../src/http1/request-reader.ts";
import { ResponseReader } from "../../src/http1/response-reader.ts";
import { browserRequest, chunkedRequest, nth, smallResponse, variants } from "./messages.ts";
import type { Operation, Run } from "./operation.ts";

export const parse: readonly Operation[] = [
  { name: "parse/request-same", about: "a browser's request head, the same every time", prepare: () => requests([browserRequest(0)]) },
  {
    name: "parse/request-differing",
    about: "a browser's request head, no two in a row alike",
    prepare: () => requests(variants((variant) => browserRequest(variant))),
  },
  { name: "parse/response-same", about: "an origin's response, the same every time", prepare: () => responses([smallResponse(0)]) },
  {
    name: "parse/response-differing",
    about: "an origin's response, no two in a row alike",
    prepare: () => responses(variants(smallResponse)),
  },
  { name: "parse/chunked-large", about: "a request with 16 chunks of 4 KiB", prepare: () => requests([chunkedRequest(16, 4096)]) },
  { name: "parse/chunked-small", about: "a request with 64 chunks of 16 bytes", prepare: () => requests([chunkedRequest(64, 16)]) },
];

function requests(messages: readonly Buffer[]): Run {
  const reader = new RequestReader(DEFAULT_LIMITS);
  return inTurn(messages, (bytes) => {
    const body = whole(reader, bytes);
    const { head } = reader;
    reader.restart(head);
    return body + head.path.length + head.text.length + head.count;
  });
}

function responses(messages: readonly Buffer[]): Run {
  const reader = new ResponseReader(DEFAULT_LIMITS);
  return inTurn(messages, (bytes) => {
    const body = whole(reader, bytes);
    const { head } = reader;
    reader.restart(head);
    return body + head.status + head.text.length + head.count;
  });
}

function inTurn(messages: readonly Buffer[], read: (bytes: Buffer) => number): Run {
  return (count) => {
    let sum = 0;
    for (let n = 0; n < count; n++) sum += read(nth(messages, n));
    return sum;
  };
}

/** Reads to the end of the message and returns the length of its body. */
function whole(reader: RequestReader | ResponseReader, bytes: Buffer): number {
  reader.feed(bytes, 0, bytes.length, true);
  let body = 0;
  for (;;) {
    switch (reader.next()) {
      case Event.data:
        body += reader.dataEnd - reader.dataStart;
        break;
      case Event.head:
        break;
      case Event.end:
        return body;
      default:
        throw new Error("the message is not whole");
    }
  }
}
