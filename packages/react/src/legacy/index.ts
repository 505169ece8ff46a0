/**
 * `@milepost/react/legacy`: the names that other systems' pages use.
 *
 * Enters: nothing. Leaves: their hooks, contexts and components over a Milepost client. Never: what
 * the main entry needs.
 */

export {};
