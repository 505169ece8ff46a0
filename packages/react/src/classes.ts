/**
 * Class names.
 *
 * Enters: names, some of them absent. Leaves: the value of `className`. Never: a name twice as long
 * as it has to be.
 */

/** Joins the names that are there. */
export function classes(...names: readonly (string | false | undefined)[]): string {
  return names.filter(Boolean).join(" ");
}
