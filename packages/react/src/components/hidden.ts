/**
 * What is only there to be read out.
 *
 * Enters: nothing. Leaves: a style. Never: a class, since pages may leave the stylesheet out.
 */

import type { CSSProperties } from "react";

/** Takes no room and stays in the accessibility tree. */
export const HIDDEN: CSSProperties = {
  position: "absolute",
  inlineSize: 1,
  blockSize: 1,
  margin: -1,
  overflow: "hidden",
  clipPath: "inset(50%)",
  whiteSpace: "nowrap",
};
