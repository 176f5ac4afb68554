/**
 * Waits until a condition holds; rejects at a deadline. `subscribe` must call the given function whenever the condition may have changed, and
 * return a function that ends the subscription. `problem` returns the error message for the deadline.
 */
export async function eventually(
  condition: () => boolean,
  subscribe: (look: () => void) => () => void,
  limitMs: number,
  problem: () => string,
): Promise<void> {
  if (condition()) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const end = subscribe(() => {
    try {
      if (condition()) resolve();
    } catch (error) {
      reject(error);
    }
  });
  const limit = setTimeout(() => reject(new Error(problem())), limitMs);
  try {
    await promise;
  } finally {
    clearTimeout(limit);
    end();
  }
}
