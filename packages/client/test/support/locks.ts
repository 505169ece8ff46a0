// Web Locks for several tabs in one process, which Node.js 20 does not have: one
// holder of a name at a time, the others in their order.

interface Waiting {
  readonly run: () => Promise<unknown>;
  readonly done: (value: unknown) => void;
}

export function makeLocks(): LockManager {
  const names = new Map<string, Waiting[]>();

  async function next(name: string) {
    const first = names.get(name)?.[0];
    if (!first) return;
    try {
      first.done(await first.run());
    } finally {
      names.get(name)?.shift();
      void next(name);
    }
  }

  function request(name: string, options: LockOptions, run: () => Promise<unknown>) {
    return new Promise((done, fail) => {
      const queue = names.get(name) ?? [];
      names.set(name, queue);
      const waiting = { run: async () => run(), done };
      queue.push(waiting);
      options.signal?.addEventListener("abort", () => {
        const place = queue.indexOf(waiting);
        // Whoever holds it lets it go by itself.
        if (place <= 0) return;
        queue.splice(place, 1);
        fail(new DOMException("given up", "AbortError"));
      });
      if (queue.length === 1) queueMicrotask(() => void next(name));
    });
  }

  return { request } as unknown as LockManager;
}
