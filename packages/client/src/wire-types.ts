// Names for the wire's types, which are generated from the server's description
// (`npm run wire`). Never: code.

import type { components } from "./wire.js";

type Schemas = components["schemas"];

/** Where a job stands. */
export type Status = Schemas["Status"];

/** A step of a job. */
export type Stage = Schemas["Stage"];

/** A party that works on an `external` job. */
export type Agent = Schemas["AgentState"];

/** The complete state of a job. */
export type Job = Schemas["Job"];

/** Jobs that were submitted together. */
export type Batch = Schemas["Batch"];

/** A stored document. */
export type Document = Schemas["Document"];

/** A page that is converted. `error` where there is only a placeholder. */
export type PageInfo = Schemas["ConvertedPage"];

/** An entry of a job's log. */
export type JobEvent = Schemas["JobEvent"];

/** A refusal (RFC 9457). */
export type Problem = Schemas["Problem"];

/** A token that reads one job. */
export type AccessToken = Schemas["AccessToken"];

/** What the server is doing, and did. */
export type Stats = Schemas["Stats"];

/** What a client says on the WebSocket. */
export type ClientMessage = Schemas["ClientMessage"];

/** What the server says on the WebSocket. */
export type ServerMessage = Schemas["ServerMessage"];

/** One page of a list; `next` is the `cursor` of the next one. */
export interface List<T> {
  items: T[];
  next?: string | null;
}

/** What the server is, and can do. */
export type Info = Schemas["Info"];

/** Who the caller is. */
export type Session = Schemas["Session"];

/** A browser's `PushSubscription.toJSON()`. */
export type PushSubscriptionFields = Schemas["PushSubscriptionWish"];

/** A subscription as the server lists it. */
export type PushSubscriptionInfo = Schemas["PushSubscription"];

/** An API key, without the key itself. */
export type ApiKey = Schemas["ApiKey"];

/** How documents are cut. What is left out is the server's choice. */
export type Chunker = Schemas["Chunker"];

/** How vectors are compared. */
export type Distance = Schemas["Distance"];

/** What documents are put into, to be searched. */
export type Collection = Schemas["Collection"];

/** A document in a collection. */
export type CollectionDocument = Schemas["CollectionDocument"];

/** By what is searched. */
export type SearchMode = Schemas["SearchMode"];

/** A passage that was found. */
export type SearchHit = Schemas["Hit"];

/** What was found, the best first. */
export type SearchAnswer = Schemas["SearchAnswer"];
