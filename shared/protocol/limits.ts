/*
 * What a message, a stream and a certificate may be at most. Both sides use the same numbers, so that the one never
 * makes what the other refuses.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** The versions of the link that this build speaks; grows by one when a message changes its meaning. */
export const PROTOCOL = { min: 1, max: 1 } as const;

/**
 * The name in every certificate of the link and enrolment servers, and the one that agents ask for: trust rests on the
 * fleet's own authority, not on how an agent reaches the controller (address, alias, tunnel).
 */
export const CONTROLLER_SERVER_NAME = 'controller.tidemark.internal';

/** Agent to controller: a batch of nodes (1 MiB) or the facts of a large server (some 100 KiB), with room. */
export const MAX_AGENT_MESSAGE_BYTES = 4 * MIB;

/** Controller to agent: the largest is an order; 10,000 jobs of 1 KiB each, with room. */
export const MAX_CONTROLLER_MESSAGE_BYTES = 16 * MIB;

/** Enrolment: a token and a certificate request, both below 2 KiB. Small, since anybody may send one. */
export const MAX_ENROLMENT_MESSAGE_BYTES = 64 * KIB;

/** What Artifact.Download sends at a time; a stream buffers 16 of them, so a slow reader holds 1 MiB. */
export const ARTIFACT_CHUNK_BYTES = 64 * KIB;

/** Live output that an agent may send ahead, and how much of it must be used up before it gets more. */
export const OUTPUT_CREDIT_BYTES = 256 * KIB;
export const OUTPUT_TOP_UP_BYTES = 64 * KIB;

/** Pings where nothing else is said: a dead peer is found after 30 s at most, and NAT tables keep the connection. */
export const KEEPALIVE_TIME_MS = 20_000;
export const KEEPALIVE_TIMEOUT_MS = 10_000;

/** A message for people in a report. What is longer is cut by the agent and refused by the controller. */
export const MAX_REPORT_MESSAGE = 8192;
