/** HAProxy's termination state: who ended the session, and in which phase. `--` is a normal end. */
export type Termination = string
