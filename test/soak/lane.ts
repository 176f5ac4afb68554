/** One of the clients: exchange after exchange, on one connection as long as that lasts, sometimes several at once. */
import type { Books } from "./books.ts";
import { ClientConnection } from "./client-connection.ts";
import { ClientExchange } from "./client-exchange.ts";
import { canBePipelined, perform, pipeline } from "./client-deeds.ts";
import type { Door } from "./door.ts";
import type { Plan } from "./plan.ts";
import type { Random } from "./random.ts";

/** Well below the proxy's keep-alive limit: a connection that waited longer may be about to close. */
const IDLE_MS_MAX = 2000;

export interface LaneOptions {
  readonly door: Door;
  readonly books: Books;
  readonly random: Random;
  /** The next exchange's plan; null: no more. */
  readonly next: () => Plan | null;
}

export async function runLane({ door, books, random, next }: LaneOptions): Promise<void> {
  let connection: ClientConnection | null = null;
  for (let plan = next(); plan !== null;) {
    const plans = [plan];
    plan = next();
    while (plan !== null && plans.length < 6 && plans.concat(plan).every(canBePipelined) && random.chance(0.25)) {
      plans.push(plan);
      plan = next();
    }
    const now = performance.now();
    if (connection === null || !connection.usable || now - connection.lastUsedAt > IDLE_MS_MAX || random.chance(0.02)) {
      connection?.retire();
      try {
        connection = await ClientConnection.open(door, (text) => books.violation(text));
      } catch (error) {
        return books.violation(`the proxy does not accept: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    await run(
      connection,
      plans.map((each) => books.begin(new ClientExchange(each, performance.now()))),
      books,
    );
    connection.lastUsedAt = performance.now();
  }
  connection?.retire();
}

async function run(connection: ClientConnection, exchanges: readonly ClientExchange[], books: Books): Promise<void> {
  const [first] = exchanges;
  if (first === undefined) return;
  if (exchanges.length > 1) await pipeline(connection, exchanges);
  else await perform(connection, first);
  for (const exchange of exchanges) books.finished(exchange);
}
