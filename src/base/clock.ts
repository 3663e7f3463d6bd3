/** Milliseconds since an arbitrary start, never going back. Pure rooms are given one. */
export type Clock = () => number

/** A random number in [0, 1). Pure rooms are given one; tests give a seeded one. */
export type Random = () => number
