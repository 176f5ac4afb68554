import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import fc from "fast-check";
import { IPV4_ADDRESSES, buildV2, bytesOf, tlsTlv, withChecksum } from "./build-v2.fixture.ts";
import type { Parts } from "./build-v2.fixture.ts";
import type { ConnectionAddresses, ProxyFault, ProxyHeader, ProxyRead } from "./header.ts";
import { ProxyHeaderReader, readHeader } from "./header-reader.ts";
import { writeProxyHeader } from "./write-header.ts";

const IPV4: ConnectionAddresses = { source: "192.0.2.1", sourcePort: 258, destination: "198.51.100.2", destinationPort: 443 };
const NOTHING = { authority: null, alpn: null, uniqueId: null, tls: null };

/** Reads bytes that are followed by `tail`, in one piece. */
function whole(header: string | Uint8Array, tail: string = "GET / HTTP/1.1\r\n"): ProxyRead {
  // Sockets read into a Buffer.
  const bytes = Buffer.from([...bytesOf(header), ...bytesOf(tail)]);
  return new ProxyHeaderReader().take(bytes, 0, bytes.length);
}

function headerIn(header: string | Uint8Array): ProxyHeader {
  const read = whole(header);
  assert.ok(read.kind === "header", JSON.stringify(read));
  assert.equal(read.end, header.length);
  return read.header;
}

const V1: readonly (readonly [line: string, addresses: ConnectionAddresses | null])[] = [
  ["PROXY TCP4 192.0.2.1 198.51.100.2 258 443", IPV4],
  [
    "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535",
    { source: "0.0.0.0", sourcePort: 0, destination: "255.255.255.255", destinationPort: 65_535 },
  ],
  ["PROXY TCP6 2001:DB8:0::1 ::1 1 2", { source: "2001:db8::1", sourcePort: 1, destination: "::1", destinationPort: 2 }],
  ["PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 258 443", IPV4],
  ["PROXY UNKNOWN", null],
  ["PROXY UNKNOWN ffff:f...f:ffff \x01 anything", null],
  [`PROXY UNKNOWN ${"x".repeat(105 - "PROXY UNKNOWN ".length)}`, null],
];

describe("version 1", () => {
  for (const [line, addresses] of V1) {
    test(`is read: ${JSON.stringify(line.slice(0, 60))}`, () => {
      assert.deepEqual(headerIn(`${line}\r\n`), { version: 1, addresses, details: null });
    });
  }

  for (const [line, why] of [
    ["PROXY TCP4 192.0.2.1 198.51.100.2 258 443\n", "bad_line"],
    ["PROXY TCP4 192.0.2.1 198.51.100.2 258 443\r\r\n", "bad_line"],
    ["PROXY TCP4 192.0.2.1 198.51.100.2 258\r\n", "bad_line"],
    ["PROXY TCP4 192.0.2.1 198.51.100.2 258 443 \r\n", "bad_line"],
    ["PROXY  TCP4 192.0.2.1 198.51.100.2 258 443\r\n", "bad_line"],
    ["PROXY\tTCP4 192.0.2.1 198.51.100.2 258 443\r\n", "no_header"],
    ["PROXY tcp4 192.0.2.1 198.51.100.2 258 443\r\n", "bad_line"],
    ["PROXY TCP5 192.0.2.1 198.51.100.2 258 443\r\n", "bad_line"],
    ["PROXY TCP4 192.0.2.01 198.51.100.2 258 443\r\n", "bad_line"],
    ["PROXY TCP4 192.0.2.256 198.51.100.2 258 443\r\n", "bad_line"],
    ["PROXY TCP4 192.0.2.1 2001:db8::1 258 443\r\n", "bad_line"],
    ["PROXY TCP6 192.0.2.1 198.51.100.2 258 443\r\n", "bad_line"],
    ["PROXY TCP6 fe80::1%1 ::1 258 443\r\n", "bad_line"],
    ["PROXY TCP6 1::2::3 ::1 258 443\r\n", "bad_line"],
    ["PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n", "bad_line"],
    ["PROXY TCP4 192.0.2.1 198.51.100.2 258 0443\r\n", "bad_line"],
    ["PROXY TCP4 192.0.2.1 198.51.100.2 +258 443\r\n", "bad_line"],
    ["PROXY TCP4 192.0.2.1 198.51.100.2 258 \r\n", "bad_line"],
    ["PROXY TCP4\r\n", "bad_line"],
    ["PROXY \r\n", "bad_line"],
    ["PROXY UNKNOWNS\r\n", "bad_line"],
    [`PROXY UNKNOWN ${"x".repeat(92)}\r\n`, "too_long"],
    [`PROXY UNKNOWN ${"x".repeat(200)}`, "too_long"],
    ["proxy TCP4 192.0.2.1 198.51.100.2 258 443\r\n", "no_header"],
    ["GET / HTTP/1.1\r\n", "no_header"],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "no_header"],
    ["POST / HTTP/1.1\r\n", "no_header"],
    ["\x16\x03\x01\x02\x00", "no_header"],
    [" PROXY TCP4 192.0.2.1 198.51.100.2 258 443\r\n", "no_header"],
    ["\r\n", "no_header"],
    ["\0", "no_header"],
  ] as const) {
    test(`is refused: ${JSON.stringify(line.slice(0, 60))}`, () => {
      assert.deepEqual(whole(line), { kind: "fault", fault: why });
    });
  }
});

describe("version 2", () => {
  const V6 = `\x20\x01\x0d\xb8${"\0".repeat(11)}\x01${"\0".repeat(10)}\xff\xff\xc6\x33\x64\x02\x01\x02\x01\xbb`;
  test("tells addresses of both families", () => {
    assert.deepEqual(headerIn(buildV2()), { version: 2, addresses: IPV4, details: null });
    assert.deepEqual(headerIn(buildV2({ family: 0x21, addresses: V6 })).addresses, { ...IPV4, source: "2001:db8::1" });
  });

  test("tells no address for LOCAL, whose rest is skipped, for an unknown family and for Unix sockets", () => {
    for (const parts of [
      { command: 0x20, family: 0, addresses: "" },
      { command: 0x20, family: 0xff, addresses: "\x04\xff\xffwhatever" },
      { command: 0x20, tlvs: [{ type: 0x03, value: "bad!" }] },
      { family: 0, addresses: "" },
      { family: 0x31, addresses: "/run/app.sock".padEnd(216, "\0") },
    ]) {
      assert.deepEqual(headerIn(buildV2(parts)), { version: 2, addresses: null, details: null });
    }
  });

  test("tells what its fields say", () => {
    const tls = tlsTlv(0b111, 0, [
      { type: 0x21, value: "TLSv1.3" },
      { type: 0x22, value: "alice" },
      { type: 0x23, value: "TLS_AES_128_GCM_SHA256" },
      { type: 0x25, value: "EC256" },
    ]);
    const tlvs = [
      { type: 0x01, value: "h2" },
      { type: 0x02, value: "a.test" },
      { type: 0x04, value: "\0\0\0" },
      { type: 0x05, value: "\xff\x01" },
      tls,
    ];
    const expected = {
      authority: "a.test",
      alpn: "h2",
      uniqueId: "0xff01",
      tls: { version: "TLSv1.3", commonName: "alice", cipher: "TLS_AES_128_GCM_SHA256", verified: true },
    };
    assert.deepEqual(headerIn(buildV2({ tlvs })).details, expected);
    assert.deepEqual(headerIn(withChecksum({ tlvs: [{ type: 0xee, value: "x" }, { type: 0xee, value: "y" }, ...tlvs] })).details, expected);
    assert.deepEqual(headerIn(buildV2({ family: 0, addresses: "", tlvs })).details, expected, "without addresses too");
  });

  test("tells no TLS for a client without it, and no verified certificate where there is none or it is bad", () => {
    assert.equal(headerIn(buildV2({ tlvs: [tlsTlv(0, 0, [])] })).details, null);
    for (const [client, verify] of [
      [0b001, 0],
      [0b011, 1],
      [0b101, 255],
    ] as const) {
      const tls = { version: null, cipher: null, commonName: null, verified: false };
      assert.deepEqual(headerIn(buildV2({ tlvs: [tlsTlv(client, verify, [])] })).details, { ...NOTHING, tls });
    }
  });

  for (const [what, parts, why] of [
    ["version 1 in binary", { command: 0x11 }, "bad_version"],
    ["version 3", { command: 0x31 }, "bad_version"],
    ["an unknown command", { command: 0x22 }, "bad_command"],
    ["an unknown family", { family: 0x41 }, "bad_family"],
    ["an unknown transport", { family: 0x13 }, "bad_family"],
    ["a datagram over IPv4", { family: 0x12 }, "bad_family"],
    ["a datagram over IPv6", { family: 0x22 }, "bad_family"],
    ["a family without transport", { family: 0x10 }, "bad_family"],
    ["an address that is cut off", { addresses: IPV4_ADDRESSES.slice(1) }, "bad_length"],
    ["the length of IPv4 with the family IPv6", { family: 0x21 }, "bad_length"],
    ["a field that is cut off", { length: 12 + 4, tlvs: [{ type: 0x01, value: "h2" }] }, "bad_tlv"],
    ["a field without length", { addresses: `${IPV4_ADDRESSES}\x01\0` }, "bad_tlv"],
    ["an authority beyond a name", { tlvs: [{ type: 0x02, value: "a".repeat(256) }] }, "bad_tlv"],
    ["an id beyond its limit", { tlvs: [{ type: 0x05, value: "a".repeat(129) }] }, "bad_tlv"],
    [
      "two authorities",
      {
        tlvs: [
          { type: 0x02, value: "a" },
          { type: 0x02, value: "b" },
        ],
      },
      "bad_tlv",
    ],
    [
      "two checksums",
      {
        tlvs: [
          { type: 0x03, value: "\0\0\0\0" },
          { type: 0x03, value: "\0\0\0\0" },
        ],
      },
      "bad_tlv",
    ],
    ["a checksum of another length", { tlvs: [{ type: 0x03, value: "\0\0\0" }] }, "bad_tlv"],
    ["a wrong checksum", { tlvs: [{ type: 0x03, value: "\0\0\0\0" }] }, "bad_checksum"],
    ["a TLS field that is cut off", { tlvs: [{ type: 0x20, value: "\x01\0\0\0" }] }, "bad_tlv"],
    ["a field within TLS that is cut off", { tlvs: [{ type: 0x20, value: "\x01\0\0\0\0\x21\0\x09TLS" }] }, "bad_tlv"],
    [
      "two versions of TLS",
      {
        tlvs: [
          tlsTlv(1, 0, [
            { type: 0x21, value: "a" },
            { type: 0x21, value: "b" },
          ]),
        ],
      },
      "bad_tlv",
    ],
    ["more than any header has", { length: 16 * 1024 - 15 }, "too_long"],
  ] as const satisfies readonly (readonly [string, Parts, ProxyFault])[]) {
    test(`is refused: ${what}`, () => {
      assert.deepEqual(whole(buildV2(parts)), { kind: "fault", fault: why });
    });
  }

  test("its checksum covers every byte", () => {
    const right = withChecksum({ tlvs: [{ type: 0x02, value: "a.test" }] });
    for (let at = 16; at < right.length; at++) {
      const wrong = right.slice();
      wrong[at] = (wrong[at] ?? 0) ^ 1;
      assert.equal(whole(wrong).kind === "header" && !isUnchecked(wrong), false, `byte ${at}`);
    }
  });
});

/** Whether a flipped bit has turned the checksum's type into another, so that there is no checksum any more. */
function isUnchecked(bytes: Uint8Array): boolean {
  return bytes.at(-7) !== 0x03;
}

/** Gives the bytes to a reader, cut at these positions. */
function inPieces(bytes: Uint8Array, cuts: readonly number[]): { read: ProxyRead; taken: number } {
  const reader = new ProxyHeaderReader();
  const edges = [0, ...[...new Set(cuts)].toSorted((one, other) => one - other), bytes.length];
  for (let index = 1; index < edges.length; index++) {
    const [from = 0, to = 0] = [edges[index - 1], edges[index]];
    // Each piece lies somewhere in a buffer that the next one overwrites.
    const buffer = new Uint8Array(to - from + 7).fill(0x58);
    buffer.set(bytes.subarray(from, to), 3);
    const read = reader.take(buffer, 3, 3 + to - from);
    buffer.fill(0x59);
    if (read.kind === "header") return { read, taken: from + read.end - 3 };
    if (read.kind === "fault") return { read, taken: from };
  }
  return { read: { kind: "more" }, taken: bytes.length };
}

const SAMPLES: readonly Uint8Array[] = [
  ...V1.map(([line]) => bytesOf(`${line}\r\n`)),
  buildV2(),
  withChecksum({ tlvs: [tlsTlv(1, 0, [{ type: 0x21, value: "TLSv1.3" }]), { type: 0x02, value: "a.test" }] }),
  buildV2({ command: 0x20, family: 0, addresses: "" }),
];

describe("in pieces", () => {
  test("a header is the same wherever it is cut, and nothing less than the whole is one", () => {
    for (const sample of SAMPLES) {
      const header = headerIn(sample);
      const bytes = Uint8Array.from([...sample, ...bytesOf("GET ")]);
      for (let cut = 1; cut < bytes.length; cut++) {
        const { read, taken } = inPieces(bytes, [cut]);
        assert.ok(read.kind === "header");
        assert.deepEqual([read.header, taken], [header, sample.length]);
      }
      const everywhere = Array.from({ length: bytes.length - 1 }, (_, at) => at + 1);
      assert.equal(inPieces(bytes, everywhere).taken, sample.length);
      for (let end = 0; end < sample.length; end++) assert.equal(readHeader(sample, 0, end).kind, "more");
    }
  });

  test("any bytes in any pieces give what they give in one", () => {
    const bytes = fc.oneof(
      fc.constantFrom(...SAMPLES),
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(fc.constantFrom(...SAMPLES), fc.nat(), fc.nat(255)).map(([sample, at, byte]) => {
        const changed = sample.slice();
        changed[at % changed.length] = byte;
        return changed;
      }),
    );
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(120), { maxLength: 8 }), (bytes, cuts) => {
        const { read, taken } = inPieces(
          bytes,
          cuts.filter((cut) => cut > 0 && cut < bytes.length),
        );
        const expected = readHeader(bytes, 0, bytes.length);
        if (expected.kind !== "header") return assert.deepEqual(read, expected);
        assert.ok(read.kind === "header");
        assert.deepEqual([read.header, taken], [expected.header, expected.end]);
      }),
      { numRuns: 500 },
    );
  });

  test("endless input is a fault before it takes much memory", () => {
    for (const begin of ["PROXY UNKNOWN ", "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"]) {
      const reader = new ProxyHeaderReader();
      reader.take(bytesOf(begin), 0, begin.length);
      let bytes = begin.length;
      let kind: string = "more";
      for (; kind === "more" && bytes < 1000; bytes++) ({ kind } = reader.take(bytesOf("x"), 0, 1));
      assert.equal(kind, "fault");
    }
  });
});

describe("what is written is read", () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  const port = fc.nat(65_535);
  test("addresses of both families, and one of each", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("v1", "v2"),
        address,
        port,
        address,
        port,
        (version, source, sourcePort, destination, destinationPort) => {
          const line = `PROXY TCP${source.includes(":") ? 6 : 4} ${source} ${source} 1 1\r\n`;
          const canonical = whole(line);
          const written = whole(writeProxyHeader(version, { source, sourcePort, destination, destinationPort }));
          assert.ok(canonical.kind === "header" && written.kind === "header");
          assert.equal(written.header.addresses?.source, canonical.header.addresses?.source);
          assert.deepEqual(
            [written.header.addresses?.sourcePort, written.header.addresses?.destinationPort],
            [sourcePort, destinationPort],
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  test("the exact bytes of each kind", () => {
    assert.equal(writeProxyHeader("v1", IPV4), "PROXY TCP4 192.0.2.1 198.51.100.2 258 443\r\n");
    assert.equal(writeProxyHeader("v1", { ...IPV4, source: "2001:db8::1" }), "PROXY TCP6 2001:db8::1 ::ffff:198.51.100.2 258 443\r\n");
    assert.deepEqual(bytesOf(writeProxyHeader("v2", IPV4)), buildV2());
    assert.equal(writeProxyHeader("v1", null), "PROXY UNKNOWN\r\n");
    assert.deepEqual(bytesOf(writeProxyHeader("v2", null)), buildV2({ command: 0x20, family: 0, addresses: "" }));
    assert.equal(writeProxyHeader("v1", { ...IPV4, source: "unknown" }), "PROXY UNKNOWN\r\n");
  });
});
