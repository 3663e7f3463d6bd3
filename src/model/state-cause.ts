/** The sources that can make a server's state what it is. */
export const STATE_CAUSES = ['admin', 'agent', 'check', 'passive', 'track', 'resolution'] as const

/** One of {@link STATE_CAUSES}. */
export type StateCause = (typeof STATE_CAUSES)[number]
