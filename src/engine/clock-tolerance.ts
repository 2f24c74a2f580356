/** How far the clocks of nodes may be apart before a token counts as expired on one and not on another. */

/** The engine judges expiry with this tolerance, so its records are kept this much longer. */
export const CLOCK_TOLERANCE_SECONDS = 15
