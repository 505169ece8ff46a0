/**
 * Whether what is kept in this browser is shut: the server said that nobody is signed in. Enters:
 * that answer, and the next session. Leaves: the same to every tab and every later page. Never
 * deletes: what waits to be sent stays its owner's.
 */
const KEY = "milepost.locked";

const listeners = new Set<() => void>();

/** The same where the browser stores nothing: for this page. */
let here = false;

function store(write: (storage: Storage) => void): void {
  try {
    write(localStorage);
  } catch {
    // Switched off, or full: `here` is all there is.
  }
}

function changed(): void {
  for (const listener of listeners) listener();
}

export const lock = {
  /** Whether it is shut. */
  get(): boolean {
    try {
      return here || localStorage.getItem(KEY) !== null;
    } catch {
      return here;
    }
  },

  /** Calls `listener` when this or another tab shuts or opens it. Returns what ends that. */
  subscribe(listener: () => void): () => void {
    const heard = ({ key, newValue }: StorageEvent): void => {
      if (key !== KEY) return;
      here = newValue !== null;
      listener();
    };
    listeners.add(listener);
    addEventListener("storage", heard);
    return () => {
      listeners.delete(listener);
      removeEventListener("storage", heard);
    };
  },

  shut(): void {
    here = true;
    store((storage) => storage.setItem(KEY, "1"));
    changed();
  },

  /** After a sign-in, or where a session holds after all. */
  open(): void {
    here = false;
    store((storage) => storage.removeItem(KEY));
    changed();
  },
};
