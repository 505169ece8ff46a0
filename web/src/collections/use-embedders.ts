/** What the server can search by besides words. Enters: what it says of itself. Leaves: names. */
import { useSession } from "../session/session";

interface Engines {
  readonly embedders: readonly string[];
  /** The one of collections that name none. */
  readonly embedder: string | null;
  /** Whether something orders hits anew. */
  readonly reranks: boolean;
}

const NONE: readonly string[] = [];

export function useEmbedders(): Engines {
  const { info } = useSession();
  // A kept answer may be of an older server, which has none.
  return {
    embedders: info?.embedders ?? NONE,
    embedder: info?.embedder ?? null,
    reranks: info?.reranker != null,
  };
}
