/**
 * Ends TLS connections whose peer sends records that bring no data. With TLS 1.3 a peer may announce a new key with each record (KeyUpdate, RFC 8446 section 4.6.3),
 * and wish for one: OpenSSL answers each, without a limit and without telling anybody, and the answers stay in memory while the peer does not read. What it has
 * read and what it has made of it is counted by Node's handles anyway, so that nothing is done for a record: from time to time both are looked up.
 */

/** A TLS connection whose handshake is finished. */
export interface WatchedConnection {
  /** Bytes of TLS that have come. */
  readonly encryptedBytes: number;
  /** Bytes of data in them. */
  readonly decryptedBytes: number;
  /** Both as they were when data had come for the last time, as far as somebody has looked. */
  encryptedBefore: number;
  decryptedBefore: number;
  /** The peer sends more without data than anybody needs. */
  onUselessRecords(): void;
}

/**
 * So many bytes may come without data: about 1,200 new keys, which cost 16 ms. A record has at most 16.6 KB, of which nothing is known before its end. BoringSSL ends
 * a connection after 32 new keys in a row; OpenSSL had such a limit for the whole connection, and dropped it because that ended long ones.
 */
const USELESS_BYTES_MAX = 32 * 1024;
/** No cipher adds so much to a record of one byte. */
const ADDED_BYTES_MAX = 100;

const LOOK_MS = 250;
/** So many connections are looked at each time: with more of them each one's turn comes less often. */
const LOOKS_MAX = 1000;

export class RecordWatch {
  private readonly connections: Set<WatchedConnection> = new Set();
  private round: Iterator<WatchedConnection> = this.connections.values();
  private stop: (() => void) | null = null;
  private readonly every: (ms: number, look: () => void) => () => void;

  /** @param every calls its second argument at that interval until the function that it returns is called */
  constructor(every: (ms: number, look: () => void) => () => void) {
    this.every = every;
  }

  add(connection: WatchedConnection): void {
    connection.encryptedBefore = connection.encryptedBytes;
    connection.decryptedBefore = connection.decryptedBytes;
    this.connections.add(connection);
    this.stop ??= this.every(LOOK_MS, () => this.look());
  }

  delete(connection: WatchedConnection): void {
    if (!this.connections.delete(connection) || this.connections.size > 0) return;
    this.stop?.();
    this.stop = null;
  }

  private look(): void {
    for (let looks = Math.min(LOOKS_MAX, this.connections.size); looks > 0; looks--) {
      let next = this.round.next();
      if (next.done === true) {
        this.round = this.connections.values();
        next = this.round.next();
      }
      if (next.done === true) return;
      judge(next.value);
    }
  }
}

function judge(connection: WatchedConnection): void {
  const { encryptedBytes, decryptedBytes } = connection;
  const data = decryptedBytes - connection.decryptedBefore;
  const useless = encryptedBytes - connection.encryptedBefore - data * (1 + ADDED_BYTES_MAX);
  if (useless > USELESS_BYTES_MAX) return connection.onUselessRecords();
  if (data === 0) return;
  connection.encryptedBefore = encryptedBytes;
  connection.decryptedBefore = decryptedBytes;
}
